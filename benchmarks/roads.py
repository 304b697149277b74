"""What the gateway bears on one core, and what it adds to a call.

The upstream answers at once (nginx). Gateway on one core, load (wrk) and upstream on the other. Direct and
through the gateway take turns, round by round: what is added is the median of the rounds' differences.

`bare` is the gateway's server and client with nothing in between: the ceiling. `packhouse` is the gateway of
`packhouse demo`, with key, exact quota and durable usage, the OpenAI dialect in front and behind; the other rows name
the dialect in front and the provider behind. Afterwards the records of each installation are counted against what the
upstream has seen.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bare
import load
from dialects import ANTHROPIC, OPENAI, Dialect
from installation import Packhouse, cpu_seconds, start_packhouse, start_simulator
from tools import GATEWAY_CORE, machine, need, on_core
from upstream import Upstream, nginx

FEW, MANY = 1, 64
ROWS: dict[str, dict[str, Dialect]] = {
    "openai": {"packhouse": OPENAI, "anthropic → openai": ANTHROPIC},
    "anthropic": {"anthropic → anthropic": ANTHROPIC},
    "bedrock": {"openai → bedrock": OPENAI, "anthropic → bedrock": ANTHROPIC},
}
"""By the provider behind: names of rows, and the dialect in front."""

KEYS = {"BENCH_ACCESS_KEY": "AKIABENCHMARK0000000", "BENCH_SECRET_KEY": "of-no-use-anywhere"}


@dataclass(slots=True)
class Subject:
    """Something that is measured, and its runs by the number of connections. `pid` is whose CPU time counts."""

    name: str
    url: str
    key: str
    pid: int | None = None
    dialect: Dialect = OPENAI
    passed_on: int = 0
    runs: dict[int, list[load.Run]] = field(default_factory=lambda: {FEW: [], MANY: []})
    cpu_microseconds: list[float] = field(default_factory=list[float])

    def measure(self, connections: int, seconds: float) -> None:
        before = self._cpu_seconds()
        question = load.Question(self.dialect.path, self.dialect.headers(self.key), self.dialect.body())
        run = load.run(self.url, question, connections=connections, seconds=seconds).without_failure()
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
        return 0.0 if self.pid is None else cpu_seconds(self.pid)


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


@dataclass(frozen=True, slots=True)
class Installed:
    """One installation, what is measured through it, and how many calls it had recorded before."""

    packhouse: Packhouse
    provider: str
    subjects: tuple[Subject, ...]
    recorded_before: int

    def usage(self) -> dict[str, Any]:
        """What went through it by the upstream's count and by its own records."""
        return {
            "provider": self.provider,
            "passed_on": sum(subject.passed_on for subject in self.subjects),
            "recorded": self.packhouse.recorded_calls() - self.recorded_before,
        }


@contextmanager
def install(provider: str, upstream: Upstream) -> Generator[Installed]:
    """Bedrock's calls are signed, as they are with the keys of a role."""
    if provider == "bedrock":
        keys = "access_key=env:BENCH_ACCESS_KEY secret_key=env:BENCH_SECRET_KEY"
        options = ("--endpoint", f"bedrock url={upstream.url} {keys}")
    else:
        options = ("--upstream", f"{provider}={upstream.base_url}")
    with start_packhouse(*options, environment=KEYS) as packhouse:
        subjects = tuple(
            Subject(name, packhouse.url, packhouse.key, packhouse.gateway, dialect)
            for name, dialect in ROWS[provider].items()
        )
        yield Installed(packhouse, provider, subjects, packhouse.recorded_calls())


def measure(upstream: Upstream, arguments: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        direct = Subject("nginx, direct", upstream.url, "none")
        ceiling = stack.enter_context(bare_gateway(upstream))
        providers = [] if arguments.bare else arguments.provider or list(ROWS)
        installed = [stack.enter_context(install(provider, upstream)) for provider in providers]
        subjects = [direct, ceiling, *(subject for each in installed for subject in each.subjects)]
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            for connections in (FEW, MANY):
                for subject in subjects:
                    seen = upstream.calls()
                    subject.measure(connections, arguments.seconds)
                    subject.passed_on += upstream.calls() - seen
        result: dict[str, Any] = {"machine": machine(), "rows": [subject.row(direct) for subject in subjects]}
        if installed:
            result["usage"] = [each.usage() for each in installed]
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
    parser.add_argument("--provider", action="append", choices=list(ROWS), help="only what is behind these")
    parser.add_argument("--roads", action="store_true", help="this benchmark, and not the comparison with others")
    parser.add_argument("--bare", action="store_true", help="only the ceiling, without an installation")
    arguments = parser.parse_args()
    need("nginx", "wrk", "taskset")
    with start_simulator("bedrock", "--any-key") as vectors, nginx(vectors["url"]) as upstream:
        result = measure(upstream, arguments)
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    for usage in result.get("usage", ()):
        print(f"{usage['provider']}: passed on {usage['passed_on']:,} calls, recorded {usage['recorded']:,}")
    if any(usage["passed_on"] != usage["recorded"] for usage in result.get("usage", ())):
        raise SystemExit("the records do not agree with what the upstream has seen")


if __name__ == "__main__":
    main()
