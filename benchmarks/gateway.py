"""Packhouse beside other gateways: the same calls, the same provider, the same machine, in turns.

The gateway has one core to itself; load (wrk) and provider (provider.c: an answer at once, or a stream of 20 pieces
2 ms apart) have the other. Packhouse runs as `packhouse serve` with key, exact quota, journal, and usage in its
database; its parts but the gateway run on the other core. Peers are installed into `.bench/` from pinned versions, and
run with one worker on the gateway's core. Subjects take turns within each round. What a gateway adds is the median of
the rounds' differences to the provider alone. At the end Packhouse's records are counted against what the provider saw.

With --roads (or --provider, --bare) it measures Packhouse alone, on each of its roads: see roads.py.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import report
import roads
import streaming
from peers.litellm import LITELLM
from peers.peer import HOME, NotRun
from peers.portkey import PORTKEY
from peers.rolter import ROLTER
from peers.smg import SMG
from provider import Provider, provider
from served import Provisioned, Served, provisioned
from subjects import Subject, of_packhouse, of_peer, of_provider
from tools import machine, need
from verdicts import goals, losses

PEERS = {peer.name: peer for peer in (LITELLM, PORTKEY, SMG, ROLTER)}
NAMES = ("bare", "packhouse", *PEERS)
KINDS = ("plain", "streaming")


class Comparison:
    """All that is measured in one run. `not_run`: the reason by name."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self.subjects = list[Subject]()
        self.not_run = dict[str, str]()
        self.passed_on = self.recorded = self._recorded_before = 0
        self.streams: dict[str, Any] | None = None

    def run(self) -> dict[str, Any]:
        arguments = self._arguments
        began, load_before = time.monotonic(), os.getloadavg()
        with provider() as upstream, ExitStack() as outer:
            packhouse = self._provision(upstream, outer)
            stack = outer.enter_context(ExitStack())
            served = self._start(upstream, stack, packhouse=packhouse)
            for number in range(arguments.rounds):
                for kind in arguments.kinds:
                    report.tell(f"round {number + 1} of {arguments.rounds}, {kind}")
                    for connections in arguments.connections:
                        self._measure(upstream, kind, connections=connections)
            if served is not None:
                self.recorded = served.recorded_calls("text") - self._recorded_before
            memory = {subject.name: subject.memory_megabytes() for subject in self.subjects}
            core_memory = {subject.name: subject.core_memory_megabytes() for subject in self.subjects}
            lost = losses(self.subjects) if served is not None else []
            stack.close()
            if packhouse is not None and arguments.streams:
                report.tell(f"{arguments.streams:,} open streams")
                self.streams = open_streams(packhouse, arguments.streams)
        found = goals(self.subjects, self.streams) if served is not None else []
        return {
            "machine": machine(),
            "load_before": load_before,
            "load_after": os.getloadavg(),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "rows": report.rows(self.subjects),
            "starts": report.starts(self.subjects, memory=memory, core_memory=core_memory),
            "open_streams": self.streams,
            "goals": [asdict(goal) for goal in found],
            "losses": lost,
            "not_run": self.not_run,
            "usage": {"passed_on": self.passed_on, "recorded": self.recorded} if served is not None else None,
        }

    def _provision(self, upstream: Provider, stack: ExitStack) -> Provisioned | None:
        if "packhouse" not in self._arguments.subjects:
            return None
        report.tell("provisioning packhouse")
        return stack.enter_context(provisioned("--upstream", f"openai={upstream.url}/v1"))

    def _start(self, upstream: Provider, stack: ExitStack, *, packhouse: Provisioned | None) -> Served | None:
        served = None
        for name in ("bare", *(each for each in self._arguments.subjects if each != "bare")):
            try:
                if name == "bare":
                    subject = of_provider(upstream)
                elif name == "packhouse":
                    report.tell("starting packhouse")
                    assert packhouse is not None
                    subject, served = stack.enter_context(of_packhouse(packhouse, starts=self._arguments.starts))
                    self._recorded_before = served.recorded_calls("text")
                else:
                    report.tell(f"starting {name}")
                    subject = stack.enter_context(of_peer(PEERS[name], upstream, starts=self._arguments.starts))
                with self._counted(subject, upstream):
                    subject.prove()
                self.subjects.append(subject)
            except NotRun as reason:
                self.not_run[name] = str(reason)
                report.tell(f"not run: {name}: {reason}")
        return served

    def _measure(self, upstream: Provider, kind: str, *, connections: int) -> None:
        for subject in self.subjects:
            with self._counted(subject, upstream):
                subject.measure(kind, connections=connections, seconds=self._arguments.seconds)

    @contextmanager
    def _counted(self, subject: Subject, upstream: Provider) -> Generator[None]:
        """What Packhouse passes on meanwhile is counted."""
        before = upstream.seen().calls if subject.name == "packhouse" else 0
        yield
        if subject.name == "packhouse":
            self.passed_on += upstream.seen().calls - before


def open_streams(packhouse: Provisioned, number: int) -> dict[str, Any]:
    """The memory of one gateway process before, while and after so many streams of a slow provider are open."""
    with streaming.simulated(streaming.OPENAI) as simulated:
        upstream = ("--upstream", f"openai={simulated['base_url']}", "--upstream-key", simulated["key"])
        with packhouse.before(*upstream).serving() as served, streaming.on_load_core():
            through = streaming.Target(served.url, served.report["keys"]["text"], streaming.OPENAI)
            return asyncio.run(streaming.Crowd(through, number).run(served.part("gateway").pid))


def parsed(words: Sequence[str]) -> argparse.Namespace:
    def some(names: Sequence[str]) -> Any:
        def of(text: str) -> list[str]:
            if unknown := set(text.split(",")) - set(names):
                raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(names)}")
            return text.split(",")

        return of

    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", default=HOME / "gateway.json", help="the figures' file")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of turns (default 3)")
    parser.add_argument("--seconds", type=float, default=2, help="of each run (default 2)")
    parser.add_argument("--connections", type=numbers, default=[1, 16, 64, 256], help="default 1,16,64,256")
    parser.add_argument("--subjects", type=some(NAMES), default=list(NAMES), help=f"default {','.join(NAMES)}")
    parser.add_argument("--kinds", type=some(KINDS), default=list(KINDS), help="default plain,streaming")
    parser.add_argument("--starts", type=int, default=3, help="of each, for the median cold start (default 3)")
    parser.add_argument("--streams", type=int, default=1000, help="open at once for their memory; 0: not measured")
    return parser.parse_args(words)


def compare(arguments: argparse.Namespace) -> None:
    need("wrk", "taskset", "cc")
    HOME.mkdir(exist_ok=True)
    result = Comparison(arguments).run()
    arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(report.text(result, {name: peer.leaves_out for name, peer in PEERS.items() if name in arguments.subjects}))
    print(f"\nwritten to {arguments.json}")
    usage = result["usage"]
    if usage is not None and usage["passed_on"] != usage["recorded"]:
        raise SystemExit("the records do not agree with what the provider has seen")
    if any(row["failed"] for row in result["rows"] if row["name"] == "packhouse"):
        raise SystemExit("calls through Packhouse failed")


def main() -> None:
    if {word.partition("=")[0] for word in sys.argv[1:]} & {"--roads", "--provider", "--bare"}:
        roads.main()
    else:
        compare(parsed(sys.argv[1:]))


if __name__ == "__main__":
    main()
