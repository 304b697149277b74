"""An installation under half of what it bears, for an hour: does its memory grow, is anything left held or unrecorded?

`packhouse serve` with gateway, control and worker. First as much as goes over 64 connections is measured, then half of
that is asked at a steady pace: plain and streamed chats in two dialects, embeddings, streams that the client leaves,
calls that are refused (wrong key, unknown model, quota), with keys of three packs; beside it reads of the management
API. Ends with 1 where a goal is missed. Memory is judged from 5 minutes on: a shorter run cannot tell.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import findings
import httpx
import uvloop
from dialects import ANTHROPIC
from installation import start_simulator
from load import Question
from peers.peer import HOME
from provider import provider
from samples import Sample, Watched
from served import Provisioned, Served, provisioned
from streaming import on_load_core
from tools import machine, need
from traffic import Kind, Traffic

CONNECTIONS, CONNECTIONS_MAX = 64, 256
RULES = {"when": "streamed", "text": "word " * 20, "pieces": 20, "piece_delay_seconds": 0.002}
SMALL = "small"
FREED_SECONDS = 20
"""How long blocks may take to go back once no call runs."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The provider: how Packhouse is pointed at it, and how many calls it has had."""

    options: tuple[str, ...]
    calls: Callable[[], int]


@contextmanager
def compiled() -> Generator[Behind]:
    need("cc", "taskset")
    with provider() as upstream:
        yield Behind(("--upstream", f"openai={upstream.url}/v1"), lambda: upstream.seen().calls)


@contextmanager
def simulated(folder: Path) -> Generator[Behind]:
    rules = folder / "rules.json"
    rules.write_text(json.dumps({"rules": [RULES]}))
    with start_simulator("openai", "--rules", str(rules)) as said:

        def calls() -> int:
            seen = httpx.get(f"{said['url']}/_simulator/seen", trust_env=False, timeout=30).json()
            return sum(number for path, number in seen["paths"].items() if path.startswith("/v1/"))

        yield Behind(("--upstream", f"openai={said['base_url']}", "--upstream-key", said["key"]), calls)


def add_small_pack(served: Served) -> None:
    """A third pack with next to no quota, and a key of it, through the management API."""
    headers = {"authorization": f"Bearer {served.report['tokens']['admin']}"}
    with httpx.Client(base_url=f"{served.control_url}/api/v1", headers=headers, trust_env=False, timeout=30) as api:
        text = api.get(f"/resources/{served.report['resources']['text']}").raise_for_status().json()
        kept = {name: text[name] for name in ("region", "environment", "type", "model")}
        order = {**kept, "display_name": "Small", "plan": "M"}
        made = api.post(f"/companies/{text['company_id']}/resources", json=order).raise_for_status().json()["id"]
        key = api.post(f"/resources/{made}/keys", json={"description": "soak", "open_to": []}).raise_for_status()
    served.report["resources"][SMALL], served.report["keys"][SMALL] = made, key.json()["key"]


def kinds(keys: dict[str, str]) -> list[Kind]:
    """What is asked, out of a hundred calls."""

    def chat(key: str, text: str = "Say hello, please.", **more: Any) -> Question:
        body = {"model": "default", "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}
        return Question("/v1/chat/completions", _headers(key), json.dumps(body))

    message = Question(ANTHROPIC.path, ANTHROPIC.headers(keys["text"]), ANTHROPIC.body())
    vector = Question(
        "/v1/embeddings", _headers(keys["embeddings"]), json.dumps({"model": "default", "input": "Hello"})
    )
    streamed = chat(keys["all"], "Say something streamed.", stream=True)
    return [
        Kind.of("plain", chat(keys["text"]), weight=40),
        Kind.of("plain, another key", chat(keys["all"]), weight=17),
        Kind.of("plain, Anthropic's dialect", message, weight=6),
        Kind.of("streamed", streamed, weight=11),
        Kind.of("streamed, client leaves", streamed, weight=3, leaves=True),
        Kind.of("embeddings", vector, weight=13),
        Kind.of("refused: key", chat(keys["text"][:-4] + "0000"), weight=3, status=401),
        Kind.of("refused: model", chat(keys["text"], model="none-of-these"), weight=2, status=404),
        Kind.of("refused: quota", chat(keys[SMALL], max_tokens=5_000), weight=5, status=429),
    ]


def _headers(key: str) -> dict[str, str]:
    return {"content-type": "application/json", "authorization": f"Bearer {key}"}


class Soak:
    """One run on what is served."""

    def __init__(self, served: Served, watched: Watched, *, behind: Behind, arguments: argparse.Namespace) -> None:
        self._served = served
        self._watched = watched
        self._behind = behind
        self._arguments = arguments
        self._samples = list[Sample]()
        self._reads = self._failed_reads = 0
        self._over = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        arguments, began = self._arguments, time.monotonic()
        resources = ("text", "embeddings", SMALL)
        recorded, passed_on = await self._counts(resources)
        pids = {name: process.pid for name, process in self._watched.processes().items()}
        traffic = Traffic(self._served.url, kinds(self._served.report["keys"]))
        await traffic.raced(CONNECTIONS, min(2.0, arguments.measure))
        maximum = await traffic.raced(CONNECTIONS, arguments.measure)
        rate = maximum * arguments.share
        _tell(f"at most {maximum:,.0f} calls/s; {rate:,.0f} calls/s for {arguments.minutes:g} minutes")
        paced = asyncio.create_task(traffic.paced(rate, connections_max=CONNECTIONS_MAX, until=self._over))
        reading = asyncio.create_task(self._read_on())
        answered = traffic.answered.total()
        await self._watch(began=time.monotonic())
        self._over.set()
        await asyncio.gather(paced, reading)
        seconds = self._samples[-1].at_seconds
        left = await asyncio.to_thread(self._left_held)
        alive = {name: process.pid for name, process in self._watched.processes().items()}
        after = await self._counts(resources)
        return {
            "machine": machine(),
            "minutes": arguments.minutes,
            "took_minutes": (time.monotonic() - began) / 60,
            "database": arguments.database.partition(":")[0],
            "provider": arguments.provider,
            "maximum": maximum,
            "wanted": rate,
            "rate": (traffic.answered.total() - answered) / seconds,
            "answered": dict(traffic.answered),
            "wrong": dict(traffic.wrong),
            "broken": traffic.broken,
            "unavailable": traffic.unavailable,
            "waiting_most": traffic.late_most,
            "management_reads": self._reads,
            "management_reads_failed": self._failed_reads,
            "passed_on": after[1] - passed_on,
            "recorded": after[0] - recorded,
            "held_at_the_end": left,
            "processes_before": pids,
            "processes_after": alive,
            "samples": [asdict(sample) for sample in self._samples],
        }

    async def _watch(self, *, began: float) -> None:
        every, until = self._arguments.every, self._arguments.minutes * 60
        while True:
            at = time.monotonic() - began
            self._samples.append(await asyncio.to_thread(self._watched.sample, at))
            if at >= until:
                return
            await asyncio.sleep(max(0.0, min(every - (time.monotonic() - began) % every, until - at)))

    async def _read_on(self) -> None:
        """Some pages of the management API each second, as portals and scripts read them."""
        report = self._served.report
        headers = {"authorization": f"Bearer {report['tokens']['admin']}"}
        base = f"{self._served.control_url}/api/v1"
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) as api:
            while not self._over.is_set():
                for resource in report["resources"].values():
                    for page in (f"/resources/{resource}", f"/resources/{resource}/consumption"):
                        answer = await api.get(page)
                        self._reads += 1
                        self._failed_reads += not answer.is_success
                await asyncio.sleep(1)

    def _left_held(self) -> int:
        """Once no call runs; waits as long as going back may take."""
        deadline = time.monotonic() + FREED_SECONDS
        while (held := self._watched.held()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return held

    async def _counts(self, resources: tuple[str, ...]) -> tuple[int, int]:
        """Calls recorded, and calls that the provider has had."""
        recorded = await asyncio.to_thread(self._served.recorded_calls, *resources)
        return recorded, await asyncio.to_thread(self._behind.calls)


@contextmanager
def database(name: str) -> Generator[str]:
    """Its URL; empty for SQLite in the data directory."""
    if name != "postgresql":
        yield "" if name == "sqlite" else name
        return
    sys.path.insert(0, str(HOME.parent))
    from tests.support import postgres

    url = postgres.fresh_database("template0")
    try:
        yield url
    finally:
        postgres.drop_database(url)


def soak(arguments: argparse.Namespace) -> dict[str, Any]:
    pinned = (os.cpu_count() or 1) > 1
    with ExitStack() as stack:
        folder = HOME / "soak"
        folder.mkdir(parents=True, exist_ok=True)
        behind = stack.enter_context(compiled() if arguments.provider == "compiled" else simulated(folder))
        url = stack.enter_context(database(arguments.database))
        environment = {"PACKHOUSE_DATABASE": url} if url else {}
        _tell("provisioning packhouse")
        embeddings = ("--upstream-embeddings-model", "embed")
        packhouse = stack.enter_context(
            provisioned(*behind.options, *embeddings, pinned=pinned, environment=environment)
        )
        return _served(packhouse, behind, url=url, arguments=arguments)


def _served(packhouse: Provisioned, behind: Behind, *, url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    with packhouse.serving() as served:
        add_small_pack(served)
        watched = Watched(served.pid, packhouse.data, url)
        with on_load_core():
            return uvloop.run(Soak(served, watched, behind=behind, arguments=arguments).run())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="under load (default 60)")
    parser.add_argument("--every", type=float, default=5, help="seconds between samples (default 5)")
    parser.add_argument("--measure", type=float, default=10, help="seconds to measure the maximum in (default 10)")
    parser.add_argument("--share", type=float, default=0.5, help="of the maximum that is asked (default 0.5)")
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql (starts one), or PostgreSQL's URL")
    choices = ("compiled", "simulated")
    parser.add_argument("--provider", choices=choices, default="compiled", help="provider.c, or packhouse simulate")
    parser.add_argument("--json", type=Path, metavar="FILE", default=HOME / "soak.json", help="the figures' file")
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    result = soak(arguments)
    verdict = findings.of(result)
    result |= {"method": findings.METHOD, "growth": verdict.growth, "goals": verdict.goals}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join([*verdict.lines, f"written to {arguments.json}"]))
    if not verdict.all_met:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
