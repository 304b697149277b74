"""What the gateway bears on one core, and what it adds to a call.

The upstream answers at once (nginx). Gateway on one core, load (wrk) and upstream on the other. Direct and
through the gateway take turns, round by round: what is added is the median of the rounds' differences.

`bare` is the gateway's server and client with nothing in between: the ceiling. `packhouse` is the gateway of
`packhouse demo`, with key, exact quota and durable usage; afterwards its records are counted against what the
upstream has seen.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bare
import httpx
import load
import psutil
from tools import GATEWAY_CORE, LOAD_CORE, machine, need, on_core, pin
from upstream import Upstream, nginx

FEW, MANY = 1, 64
START_SECONDS = 180
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Subject:
    """Something that is measured, and its runs by the number of connections. `pid` is whose CPU time counts."""

    name: str
    url: str
    key: str
    pid: int | None = None
    runs: dict[int, list[load.Run]] = field(default_factory=lambda: {FEW: [], MANY: []})
    cpu_microseconds: list[float] = field(default_factory=list[float])

    def measure(self, connections: int, seconds: float) -> None:
        before = self._cpu_seconds()
        run = load.run(self.url, self.key, connections=connections, seconds=seconds)
        self.runs[connections].append(run)
        if self.pid is not None and connections == MANY:
            self.cpu_microseconds.append((self._cpu_seconds() - before) / run.requests * 1e6)

    def row(self, direct: "Subject") -> dict[str, Any]:
        pairs = zip(self.runs[FEW], direct.runs[FEW], strict=True)
        added = [mine.p50_microseconds - theirs.p50_microseconds for mine, theirs in pairs]
        return {
            "name": self.name,
            "requests_per_second_1": round(statistics.median(run.rate for run in self.runs[FEW])),
            "requests_per_second_64": round(statistics.median(run.rate for run in self.runs[MANY])),
            "requests_per_second_64_best": round(max(run.rate for run in self.runs[MANY])),
            "p50_1_milliseconds": statistics.median(run.p50_microseconds for run in self.runs[FEW]) / 1000,
            "added_p50_1_milliseconds": statistics.median(added) / 1000 if self is not direct else None,
            "cpu_microseconds_64": round(statistics.median(self.cpu_microseconds)) if self.cpu_microseconds else None,
        }

    def _cpu_seconds(self) -> float:
        if self.pid is None:
            return 0.0
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS


@contextmanager
def bare_gateway(upstream: Upstream) -> Generator[Subject]:
    command = on_core(GATEWAY_CORE, sys.executable, bare.__file__, upstream.base_url)
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Subject("bare server and client", f"http://127.0.0.1:{port}", bare.KEY, process.pid)
    finally:
        process.kill()
        process.wait()


@dataclass(slots=True)
class Packhouse:
    """A demo that is up, and how many requests its gateway has passed on."""

    subject: Subject
    report: dict[str, Any]
    passed_on: int = 0

    def recorded_calls(self) -> int:
        """The calls in the pack's running bundle month, once no more of them arrive."""
        resource = self.report["resources"]["text"]
        url = f"{self.report['control_url']}/api/v1/resources/{resource}/consumption"
        headers = {"authorization": f"Bearer {self.report['tokens']['admin']}"}
        calls, since = -1, time.monotonic()
        while time.monotonic() - since < 5:
            answer = httpx.get(url, headers=headers, timeout=30, trust_env=False).raise_for_status()
            if answer.json()["calls"] != calls:
                calls, since = answer.json()["calls"], time.monotonic()
            time.sleep(0.5)
        return calls


@contextmanager
def start_packhouse(upstream: Upstream) -> Generator[Packhouse]:
    """The real thing, provisioned by its own demo: the gateway on one core, its other parts on the other."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "packhouse.cli.main", "demo", "--json", "--data", data, "--log-level", "error"]
        command += ["--upstream", f"openai={upstream.base_url}"]
        command += [f"--{part}-port=0" for part in ("gateway", "control", "worker")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the demo did not start")
            report = json.loads(line)
            gateway = _pin_parts(process.pid)
            yield Packhouse(Subject("packhouse", report["gateway_url"], report["keys"]["text"], gateway), report)
        finally:
            process.terminate()
            process.wait(20)


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


def measure(upstream: Upstream, arguments: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        direct = Subject("nginx, direct", upstream.url, "none")
        ceiling = stack.enter_context(bare_gateway(upstream))
        packhouse = None if arguments.bare else stack.enter_context(start_packhouse(upstream))
        subjects = [direct, ceiling, *([packhouse.subject] if packhouse else [])]
        before = packhouse.recorded_calls() if packhouse else 0
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for connections in (FEW, MANY):
                for subject in subjects:
                    seen = upstream.requests()
                    subject.measure(connections, arguments.seconds)
                    if packhouse and subject is packhouse.subject:
                        packhouse.passed_on += upstream.requests() - seen - 1
        rows = [subject.row(direct) for subject in subjects]
        result: dict[str, Any] = {"machine": machine(), "rows": rows}
        if packhouse:
            recorded = packhouse.recorded_calls() - before
            result["usage"] = {"passed_on": packhouse.passed_on, "recorded": recorded}
        return result


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{'':24} {'requests/s':>10} {'requests/s':>10} {'(best)':>8} {'p50 ms':>8} {'added ms':>8} {'CPU µs':>7}",
        f"{'connections':24} {FEW:>10} {MANY:>10} {MANY:>8} {FEW:>8} {FEW:>8} {MANY:>7}",
    ]
    for row in result["rows"]:
        added, cpu = row["added_p50_1_milliseconds"], row["cpu_microseconds_64"]
        lines.append(
            f"{row['name']:24} {row['requests_per_second_1']:>10,} {row['requests_per_second_64']:>10,}"
            f" {row['requests_per_second_64_best']:>8,} {row['p50_1_milliseconds']:>8.3f}"
            f" {'' if added is None else format(added, '.3f'):>8} {'' if cpu is None else cpu:>7}"
        )
    return "\n".join([result["machine"], *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=3, help="of each run (default 3)")
    parser.add_argument("--bare", action="store_true", help="only the ceiling, without an installation")
    arguments = parser.parse_args()
    need("nginx", "wrk", "taskset")
    with nginx() as upstream:
        result = measure(upstream, arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    usage = result.get("usage")
    if usage:
        print(f"passed on {usage['passed_on']:,} calls, recorded {usage['recorded']:,}")
        if usage["passed_on"] != usage["recorded"]:
            raise SystemExit("the records do not agree with what the upstream has seen")


if __name__ == "__main__":
    main()
