"""A whole Packhouse as its users start it: `packhouse demo --json` in a process of its own."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

START_SECONDS = 180
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Running:
    """A demo that is up. `report` is the object that it printed; `errors` the file of its standard error."""

    report: Mapping[str, Any]
    process: subprocess.Popen[bytes]
    errors: Path

    @property
    def gateway(self) -> str:
        return self.report["gateway_url"]

    @property
    def control(self) -> str:
        return self.report["control_url"]

    def parts(self) -> dict[str, psutil.Process]:
        """The process of each part, by name, as it is now."""
        found = dict[str, psutil.Process]()
        for child in psutil.Process(self.process.pid).children(recursive=True):
            part = _part_of(child)
            if part:
                found[part] = child
        return found

    def gateways(self) -> list[psutil.Process]:
        """The processes of the gateway, as they are now."""
        return _gateways(self.process)

    def api(self, who: str = "admin") -> httpx.Client:
        """The management API as the demo's admin or operator."""
        token = self.report["tokens"][who]
        return httpx.Client(base_url=f"{self.control}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30)

    def client(self, key: str = "all") -> httpx.Client:
        """The gateway with one of the demo's keys."""
        return httpx.Client(
            base_url=self.gateway, headers={"authorization": f"Bearer {self.report['keys'][key]}"}, timeout=120
        )


@dataclass(slots=True)
class Node:
    """`packhouse serve` that is up. `gateway` is its gateway's URL."""

    gateway: str
    process: subprocess.Popen[bytes]
    lost: bool = False

    def gateways(self) -> list[psutil.Process]:
        """The processes of the gateway, as they are now."""
        return _gateways(self.process)

    def lose(self) -> None:
        """SIGKILL of all its processes, as the end of the machine is."""
        self.lost = True
        for each in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]:
            each.kill()
        self.process.wait()


def _gateways(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if _part_of(child) == "gateway"]


def _part_of(process: psutil.Process) -> str:
    """The part that a process is of; empty where it is of none, or gone."""
    try:
        command = process.cmdline()
    except psutil.NoSuchProcess:
        return ""
    return command[-1] if "packhouse.wiring.part" in command else ""


@contextmanager
def demo(
    directory: Path, *flags: str, environment: Mapping[str, str] | None = None, worker_port: int | None = 0
) -> Generator[Running]:
    """Starts it on free ports (the worker's None: on the demo's own choice), and ends it as an operator would.

    A child that outlives it fails the test.
    """
    errors = directory / "stderr.txt"
    command = [sys.executable, "-m", "packhouse.cli.main", "demo", "--json", "--data", str(directory / "data")]
    ports = ["--gateway-port", "0", "--control-port", "0"]
    if worker_port is not None:
        ports += ["--worker-port", str(worker_port)]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *ports, *flags],
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=directory,
            env={**os.environ, **(environment or {})},
        )
    assert process.stdout is not None
    try:
        line = _first_line(process, errors)
        yield Running(json.loads(line), process, errors)
    finally:
        _stop(process)


@contextmanager
def serving(directory: Path, *flags: str, environment: Mapping[str, str] | None = None) -> Generator[Node]:
    """`packhouse serve` on free ports, with its data in `directory`, from when it is ready."""
    directory.mkdir(exist_ok=True)
    errors = directory / "stderr.txt"
    command = [sys.executable, "-m", "packhouse.cli.main", "serve", "--data", str(directory / "data")]
    ports = ["--gateway-port", "0", "--control-port", "0", "--worker-port", "0"]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *ports, *flags],
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=directory,
            env={**os.environ, **(environment or {})},
        )
    node = Node("", process)
    try:
        line = _first_line(process, errors).decode()
        node.gateway = line.partition("gateway ")[2].partition(";")[0].partition(",")[0]
        yield node
    finally:
        if not node.lost:
            _stop(process)


def _first_line(process: subprocess.Popen[bytes], errors: Path) -> bytes:
    assert process.stdout is not None
    data = b""
    deadline = time.monotonic() + START_SECONDS
    while b"\n" not in data:
        readable, _, _ = select.select([process.stdout], [], [], 0.5)
        if readable:
            data += os.read(process.stdout.fileno(), 65_536)
        assert process.poll() is None, f"the demo ended: {errors.read_text()[-2000:]}"
        assert time.monotonic() < deadline, f"the demo is not ready: {errors.read_text()[-2000:]}"
    return data.partition(b"\n")[0]


def _stop(process: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=1)
    for child in alive:
        child.kill()
    assert not alive, "a child outlived its parent"
    assert code == 0, code
