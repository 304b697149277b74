"""A whole Packhouse to measure, provisioned by its own demo: the gateway on one core, its other parts on the other."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from stillness import still
from tools import GATEWAY_CORE, LOAD_CORE, pin

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Packhouse:
    """A demo that is up; `gateway` is the pid of that process, `report` what the demo printed."""

    report: dict[str, Any]
    gateway: int

    @property
    def url(self) -> str:
        return self.report["gateway_url"]

    @property
    def key(self) -> str:
        return self.report["keys"]["text"]

    def recorded_calls(self) -> int:
        """The calls in the pack's running bundle month, once no more of them arrive."""
        resource = self.report["resources"]["text"]
        url = f"{self.report['control_url']}/api/v1/resources/{resource}/consumption"
        headers = {"authorization": f"Bearer {self.report['tokens']['admin']}"}

        def calls() -> int:
            return httpx.get(url, headers=headers, timeout=30, trust_env=False).raise_for_status().json()["calls"]

        return still(calls, seconds=5, every=0.5)


@contextmanager
def start_packhouse(*options: str, environment: Mapping[str, str] | None = None) -> Generator[Packhouse]:
    """`options` say where its models are. Ends the program where the demo does not start."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "packhouse.cli.main", "demo", "--json", "--data", data, "--log-level", "error"]
        command += [*options, *(f"--{part}-port=0" for part in ("gateway", "control", "worker"))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})})
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the demo did not start")
            yield Packhouse(json.loads(line), _pin_parts(process.pid))
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def start_simulator(provider: str, *options: str) -> Generator[dict[str, Any]]:
    """`packhouse simulate` in a process of its own, on the core of the load: what it printed."""
    command = [sys.executable, "-m", "packhouse.cli.main", "simulate", provider, "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the simulator of {provider} did not start")
        pin(process.pid, LOAD_CORE)
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(20)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def memory_kilobytes(pid: int) -> dict[str, int]:
    """`pss` (shared pages count by their share) and `rss` of a process, in units of 1,000 bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    fields = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return {"pss": fields["Pss"] * 1024 // 1000, "rss": fields["Rss"] * 1024 // 1000}


def _pin_parts(supervisor: int) -> int:
    """Pins every process of the installation; the gateway's pid."""
    gateway = 0
    for process in (psutil.Process(supervisor), *psutil.Process(supervisor).children(recursive=True)):
        is_gateway = process.cmdline()[-2:] == ["packhouse.wiring.part", "gateway"]
        pin(process.pid, GATEWAY_CORE if is_gateway else LOAD_CORE)
        gateway = process.pid if is_gateway else gateway
    if not gateway:
        raise SystemExit("the demo has no gateway process")
    return gateway
