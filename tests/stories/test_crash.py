"""kill -9 of gateway processes at random instants under load: a record for each call that the upstream saw, none twice.

The upstream's own count is the judge. `make crash` runs it in full.
"""

import asyncio
import itertools
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.crowd import Caller
from tests.support.databases import KINDS, Kind, of_a_demo
from tests.support.installation import Installation
from tests.support.running import Running, demo
from tests.support.simulated import catalog_with, upstream

pytestmark = [pytest.mark.anyio]

PROCESSES = 4
CALLERS = 32
KILLS = 20
ROUNDS = int(os.environ.get("PACKHOUSE_CRASH_ROUNDS", "20"))
"""How many are killed in all, so many of one installation."""
FIRST_NUMBER = 100
"""A call's number is the output cap that it asks for, and what its long answer comes to: so it is found again."""
LEASE_SECONDS = 90
"""A process's lease, and some time to recover what it left."""
RULES = """
[[rules]]
when = "at length"
text = "{long}"
first_delay_seconds = 0.02
""".format(long="word " * 20_000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(max(1, ROUNDS // KILLS)))
async def test_killed_gateways_lose_no_call_and_book_none_twice(kind: Kind, seed: int, tmp_path: Path) -> None:
    with upstream(tmp_path, RULES) as provider, of_a_demo(kind, tmp_path) as (installation, environment):
        flags = ("--catalog", str(catalog_with(tmp_path, output=10**12)), "--gateway-processes", str(PROCESSES))
        with demo(tmp_path, *provider.flags, *flags, environment=environment) as running:
            wait_until_recovered(installation)
            installation.sql("DELETE FROM usage_record")
            provider.reset()
            load = Load(running)
            killed = await load.under(kill_some(running, seed))
            wait_until_recovered(installation)
            records = recorded(installation)
            seen = calls_of(provider.seen(last=10_000))
    crashed = [record for record in records.values() if record.outcome == "crashed"]
    sys.stdout.write(  # for `make crash`
        f"{kind}: {killed} processes killed, {load.answered:,} answers, {load.broken:,} broken connections, "
        f"{len(seen):,} calls seen upstream, {len(records):,} records, {len(crashed):,} booked at their estimate\n"
    )
    assert killed == KILLS
    assert load.answered > KILLS
    assert seen.keys() <= records.keys(), "a call that the upstream saw has no record"
    unseen = [records[number] for number in records.keys() - seen.keys()]
    assert all(record.outcome == "crashed" for record in unseen), unseen
    for number, (input_tokens, output_tokens) in seen.items():
        record = records[number]
        if record.source == "reported":
            assert (record.input, record.output) == (input_tokens, output_tokens)
        else:
            assert input_tokens <= record.input
            assert output_tokens <= record.output == number, "what was held"


class Record(msgspec.Struct, frozen=True):
    """What the database says of a call."""

    input: int
    output: int
    source: str
    outcome: str


class Load:
    """Callers that ask one thing after the other, each call with a number of its own, never again after a crash."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._numbers = itertools.count(FIRST_NUMBER)
        self._over = False
        self.answered = 0
        self.broken = 0

    async def under(self, work: Any) -> int:
        """What `work` returned; all callers ran as long as it took."""
        callers = [asyncio.create_task(self._calls()) for _ in range(CALLERS)]
        try:
            return await work
        finally:
            self._over = True
            await asyncio.gather(*callers)

    async def _calls(self) -> None:
        caller = Caller(self._running.gateway, self._running.report["keys"]["text"])
        while not self._over:
            try:
                refusal = await caller.ask("Tell me at length.", output_tokens=next(self._numbers))
                assert refusal is None, refusal
                self.answered += 1
            except ConnectionError:
                self.broken += 1
                await asyncio.sleep(0.01)
        caller.close()


async def kill_some(running: Running, seed: int) -> int:
    dice = random.Random(seed)
    killed = 0
    while killed < KILLS:
        await asyncio.sleep(dice.uniform(0.05, 0.6))
        gateways = await asyncio.to_thread(running.gateways)
        if gateways:
            dice.choice(gateways).kill()
            killed += 1
    return killed


def wait_until_recovered(installation: Installation) -> None:
    """No block left, and no journal but those that living processes write."""
    deadline = time.monotonic() + LEASE_SECONDS
    while True:
        held = installation.sql("SELECT process_id, sum(amount) FROM meter_block GROUP BY 1 HAVING sum(amount) != 0")
        alive = {row[0] for row in installation.sql("SELECT id FROM meter_process")}
        dead = {path.stem for path in installation.journals.glob("*.lock")} - alive
        if not held and not dead:
            return
        assert time.monotonic() < deadline, (held, dead)
        time.sleep(0.2)


def recorded(installation: Installation) -> dict[int, Record]:
    """The chats by their number; those that the demo asked came to less."""
    rows = installation.sql(
        "SELECT input, output, source, outcome FROM usage_record WHERE operation = 'chat' AND output >= ?", FIRST_NUMBER
    )
    names = Record.__struct_fields__
    booked = [msgspec.convert(dict(zip(names, row, strict=True)), Record) for row in rows]
    records = {record.output: record for record in booked}
    assert len(records) == len(rows), "a call was booked twice"
    return records


def calls_of(seen: Any) -> dict[int, tuple[int, int]]:
    """The chats that the upstream saw by their number, with what it counted."""
    assert seen["calls"] == len(seen["last"]), "more calls than the simulator remembers"
    found = dict[int, tuple[int, int]]()
    for call in seen["last"]:
        if call["path"].endswith("/chat/completions"):
            number = call["body"].get("max_completion_tokens") or call["body"]["max_tokens"]
            assert number not in found, "a call was sent twice"
            found[number] = (call["usage"]["input"], call["usage"]["output"])
    return found
