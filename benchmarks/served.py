"""A whole Packhouse as it is run: provisioned once by its demo, then started by `packhouse serve` on what it kept."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from load import Question
from peers.peer import NotRun, end, free_port, tree, until_answered, without_proxies
from stillness import still
from tools import GATEWAY_CORE, LOAD_CORE, on_core, pin

CATALOG = Path(__file__).parents[1] / "src/packhouse/adapters/catalog/default.toml"
PLANS = {
    "limits = { input = 2_500_000, output = 1_250_000 }": "limits = { input = 9_000_000_000, output = 9_000_000_000 }",
    "limits = { input = 5_000_000 }": "limits = { input = 9_000_000_000 }",
    "limits = { input = 5_000_000, output = 2_500_000 }": "limits = { input = 1, output = 1 }",
}
"""S has room for all that is asked, the text packs' M for nothing."""
PARTS = ("gateway", "control", "worker")


@dataclass(slots=True)
class Provisioned:
    """A data directory with the demo's company, keys and packs, and what starts it: one run at a time.

    `pinned`: it starts on one core, then all but the gateway move to the other.
    """

    options: tuple[str, ...]
    data: Path
    report: dict[str, Any]
    pinned: bool = True
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def before(self, *upstream: str) -> "Provisioned":
        """The same with another provider behind it."""
        kept = self.options[self.options.index("--catalog") :]
        return Provisioned((*upstream, *kept), self.data, self.report, self.pinned, self.environment)

    @contextmanager
    def serving(self) -> "Generator[Served]":
        """Until it answers a chat. Raises NotRun where it does not; ends the program where it does not end well."""
        ports = {part: free_port() for part in PARTS}
        command = [sys.executable, "-m", "packhouse.cli.main", "serve", "--data", str(self.data), *self.options]
        command += ["--log-level", "error", *(f"--{part}-port={port}" for part, port in ports.items())]
        url = f"http://127.0.0.1:{ports['gateway']}"
        question = Question.chat({"authorization": f"Bearer {self.report['keys']['text']}"}, stream=False)
        began = time.perf_counter()
        process = subprocess.Popen(
            on_core(GATEWAY_CORE, *command) if self.pinned else command,
            stdout=subprocess.DEVNULL,
            env=without_proxies() | self.environment,
        )
        try:
            seconds = until_answered(url, question, process, began=began)
            control = f"http://127.0.0.1:{ports['control']}"
            _until_ready(control)
            served = Served(url, control, process.pid, seconds, self.report)
            if self.pinned:
                for each in tree(process.pid):
                    pin(each.pid, GATEWAY_CORE if each.pid == served.part("gateway").pid else LOAD_CORE)
            yield served
        finally:
            end(process)


@dataclass(frozen=True, slots=True)
class Served:
    """A Packhouse that is up: `pid` is its supervisor's, `report` what its demo once said."""

    url: str
    control_url: str
    pid: int
    start_seconds: float
    report: dict[str, Any]

    def question(self, *, stream: bool) -> Question:
        return Question.chat({"authorization": f"Bearer {self.report['keys']['text']}"}, stream=stream)

    def part(self, name: str) -> psutil.Process:
        return next(process for process in tree(self.pid) if process.cmdline()[-2:] == ["packhouse.wiring.part", name])

    def consumption(self, resource: str) -> dict[str, Any]:
        """Of a resource by its kind, as the management API says it."""
        url = f"{self.control_url}/api/v1/resources/{self.report['resources'][resource]}/consumption"
        headers = {"authorization": f"Bearer {self.report['tokens']['admin']}"}
        return httpx.get(url, headers=headers, timeout=30, trust_env=False).raise_for_status().json()

    def recorded_calls(self, *resources: str) -> int:
        """The calls in the packs' running bundle months, once no more of them arrive."""
        return still(lambda: sum(self.consumption(one)["calls"] for one in resources), seconds=5, every=0.5)


@contextmanager
def provisioned(
    *options: str, pinned: bool = True, environment: dict[str, str] | None = None
) -> Generator[Provisioned]:
    """`options` say where its models are. Its text pack has room for whatever is asked. Raises NotRun."""
    with tempfile.TemporaryDirectory() as folder:
        catalog, data = Path(folder) / "catalog.toml", Path(folder) / "data"
        text = CATALOG.read_text()
        assert all(plan in text for plan in PLANS)
        for plan, wanted in PLANS.items():
            text = text.replace(plan, wanted)
        catalog.write_text(text)
        every = (*options, "--catalog", str(catalog))
        command = [sys.executable, "-m", "packhouse.cli.main", "demo", "--json", "--data", str(data), *every]
        command += ["--log-level", "error", *(f"--{part}-port=0" for part in PARTS)]
        around = without_proxies() | (environment or {})
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=around)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
        finally:
            end(process)
        if not line:
            raise NotRun("its demo did not start")
        yield Provisioned(every, data, json.loads(line), pinned, environment or {})


def _until_ready(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/readyz", timeout=10, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise NotRun("its management API did not become ready")
