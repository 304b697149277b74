"""What the gateway adds to each piece of a stream, and the memory that an open stream takes.

A simulated provider stamps its pieces as it sends them. The client reads raw bytes; from the stamp to the arrival is
a piece's delay. Streams through the gateway and directly from the provider take turns. Then many slow streams are
opened at once, and the gateway's memory is read before and while all are open. Each road has an installation of its
own, so that none profits from what another has left behind.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dialects import ANTHROPIC, BEDROCK, OPENAI, Dialect
from installation import Packhouse, memory_kilobytes, start_packhouse, start_simulator
from tools import LOAD_CORE, machine, need, pin

STAMP = re.compile(rb"\xe2\x9f\xa8(\d+)\xe2\x9f\xa9")
PACED = {"when": "at a pace", "text": "word " * 100, "pieces": 100, "piece_delay_seconds": 0.005, "stamps": True}
SLOW = {"when": "slowly", "text": "word " * 15, "pieces": 15, "piece_delay_seconds": 2.0, "stamps": True}
GOALS = {"delay_milliseconds": 1.0, "stream_kilobytes": 100.0}


@dataclass(frozen=True, slots=True)
class Road:
    """From a dialect in front to a provider behind, whose own dialect is `behind`."""

    front: Dialect
    behind: Dialect

    @property
    def name(self) -> str:
        return f"{self.front.name} → {self.behind.name}"


ROADS = (Road(OPENAI, OPENAI), Road(ANTHROPIC, ANTHROPIC), Road(OPENAI, BEDROCK), Road(ANTHROPIC, BEDROCK))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client asks, how, and with which key."""

    url: str
    key: str
    dialect: Dialect

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def request(self, question: str) -> bytes:
        """A stream is asked for, on a connection that ends with it."""
        body = self.dialect.body(stream=True, question=question).encode()
        headers = self.dialect.headers(self.key) | {"content-length": str(len(body)), "connection": "close"}
        lines = [f"POST {self.dialect.stream_path} HTTP/1.1", f"host: {urlsplit(self.url).netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


class Arrivals:
    """Finds the stamps in bytes as they arrive."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.pieces_each: list[int] = []
        self._received = bytearray()
        self._read = 0

    def add(self, data: bytes, at_nanoseconds: int) -> None:
        self._received += data
        found = 0
        for stamp in STAMP.finditer(self._received, self._read):
            self.milliseconds.append((at_nanoseconds - int(stamp[1])) / 1e6)
            self._read = stamp.end()
            found += 1
        if found:
            self.pieces_each.append(found)

    def check(self, target: Target) -> None:
        """Ends the program where the stream was none, or not whole."""
        if len(self.milliseconds) != PACED["pieces"] or target.dialect.last_words not in self._received:
            raise SystemExit(f"no whole stream from {target.url}: {bytes(self._received[:600])!r}")


def read_stream(target: Target) -> Arrivals:
    arrivals = Arrivals()
    with socket.create_connection(target.address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(target.request("Speak at a pace."))
        while data := connection.recv(65_536):
            arrivals.add(data, time.monotonic_ns())
    arrivals.check(target)
    return arrivals


def measure_delays(through: Target, direct: Target, rounds: int) -> dict[str, Any]:
    delays: dict[str, list[float]] = {"through": [], "direct": []}
    for _ in range(rounds):
        for name, target in (("direct", direct), ("through", through)):
            delays[name] += read_stream(target).milliseconds
    figures: dict[str, Any] = {"pieces": len(delays["through"])}
    for name, values in delays.items():
        figures[f"{name}_p50_milliseconds"] = round(statistics.median(values), 3)
        figures[f"{name}_p99_milliseconds"] = round(statistics.quantiles(values, n=100)[98], 3)
    return figures


class Crowd:
    """Many streams that are open at once."""

    def __init__(self, target: Target, streams: int) -> None:
        self._target = target
        self._streams = streams
        self._opening = asyncio.Semaphore(50)
        self._begun = 0
        self._all_begun = asyncio.Event()
        self.ended = 0
        self.whole = 0

    async def run(self, gateway: int) -> dict[str, Any]:
        """The gateway's memory before, while all are open, and when they have ended."""
        before = memory_kilobytes(gateway)
        streams = [asyncio.create_task(self._stream()) for _ in range(self._streams)]
        await asyncio.wait_for(self._all_begun.wait(), 60)
        await asyncio.sleep(2)
        during, ended = memory_kilobytes(gateway), self.ended
        await asyncio.gather(*streams)
        after = memory_kilobytes(gateway)
        if ended or self.whole != self._streams:
            raise SystemExit(f"{ended} streams ended too early, {self.whole} of {self._streams} were whole")
        figures: dict[str, Any] = {"streams": self._streams}
        for kind in ("pss", "rss"):
            figures |= {f"before_{kind}_kilobytes": before[kind], f"open_{kind}_kilobytes": during[kind]}
            figures[f"ended_{kind}_kilobytes"] = after[kind]
            figures[f"stream_{kind}_kilobytes"] = round((during[kind] - before[kind]) / self._streams, 1)
        return figures

    async def _stream(self) -> None:
        async with self._opening:
            reader, writer = await asyncio.open_connection(*self._target.address)
            writer.write(self._target.request("Speak slowly."))
            data = b""
            while STAMP.search(data) is None:
                more = await reader.read(65_536)
                if not more:
                    raise SystemExit(f"no stream: {data[:600]!r}")
                data += more
        self._begun += 1
        if self._begun == self._streams:
            self._all_begun.set()
        while more := await reader.read(65_536):
            data = data[-100:] + more
        self.ended += 1
        self.whole += self._target.dialect.last_words in data
        writer.close()


@contextmanager
def on_load_core() -> Generator[None]:
    """This process leaves the gateway's core to it."""
    before = os.sched_getaffinity(0)
    pin(os.getpid(), LOAD_CORE)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def installed(road: Road) -> Generator[tuple[Packhouse, Target]]:
    """An installation with the simulated provider behind it, and that provider itself as a target."""
    with simulated(road.behind) as provider:
        upstream = f"{road.behind.name}={provider['base_url']}"
        with start_packhouse("--upstream", upstream, "--upstream-key", provider["key"]) as packhouse:
            yield packhouse, Target(provider["url"], provider["key"], road.behind)


@contextmanager
def simulated(dialect: Dialect) -> Generator[dict[str, Any]]:
    """The simulated provider alone: what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.json"
        rules.write_text(json.dumps({"rules": [PACED, SLOW]}))
        with start_simulator(dialect.name, "--rules", str(rules)) as provider:
            yield provider


def measure(road: Road, arguments: argparse.Namespace) -> dict[str, Any]:
    print(road.name, file=sys.stderr)
    with installed(road) as (packhouse, direct), on_load_core():
        through = Target(packhouse.url, packhouse.key, road.front)
        for target in (through, direct):
            read_stream(target)
        row: dict[str, Any] = {"road": road.name, **measure_delays(through, direct, arguments.rounds)}
        if arguments.streams:
            row |= asyncio.run(Crowd(through, arguments.streams).run(packhouse.gateway))
        return row


def table(result: dict[str, Any]) -> str:
    lines = [
        result["machine"],
        f"{'delay of a piece, ms':24} {'through p50':>12} {'p99':>8} {'direct p50':>12} {'p99':>8} {'added p50':>10}",
    ]
    for row in result["rows"]:
        p50, direct = row["through_p50_milliseconds"], row["direct_p50_milliseconds"]
        lines.append(
            f"{row['road']:24} {p50:>12.3f} {row['through_p99_milliseconds']:>8.3f} {direct:>12.3f}"
            f" {row['direct_p99_milliseconds']:>8.3f} {p50 - direct:>10.3f}  {_verdict(p50, 'delay_milliseconds')}"
        )
    rows = [row for row in result["rows"] if "streams" in row]
    if rows:
        lines.append(f"{'open streams, kB':24} {'streams':>12} {'before':>8} {'open':>12} {'ended':>8} {'each':>10}")
    for row in rows:
        for kind in ("pss", "rss"):
            each = row[f"stream_{kind}_kilobytes"]
            sizes = [row[f"{when}_{kind}_kilobytes"] for when in ("before", "open", "ended")]
            lines.append(
                f"{row['road'] + ' ' + kind:24} {row['streams']:>12,} {sizes[0]:>8,} {sizes[1]:>12,} {sizes[2]:>8,}"
                f" {each:>10.1f}  {_verdict(each, 'stream_kilobytes')}"
            )
    return "\n".join(lines)


def _verdict(figure: float, goal: str) -> str:
    return f"goal: under {GOALS[goal]:g}  {'met' if figure < GOALS[goal] else 'MISSED'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    parser.add_argument("--rounds", type=int, default=10, help="streams of 100 pieces each way (default 10)")
    parser.add_argument("--streams", type=int, default=1000, help="open at once for the memory; 0: not measured")
    parser.add_argument("--road", action="append", type=int, choices=range(len(ROADS)), help="only some, by number")
    arguments = parser.parse_args()
    need("taskset")
    roads = [ROADS[number] for number in arguments.road or range(len(ROADS))]
    result = {"machine": machine(), "rows": [measure(road, arguments) for road in roads]}
    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
