"""Far more calls at once than a pack has room for, on several processes: never over the limit, and near it.

The upstream's own count is the judge. `make storm` runs it in full.
"""

import asyncio
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.crowd import Caller, Refusal
from tests.support.databases import KINDS, Kind, of_a_demo
from tests.support.installation import Installation
from tests.support.running import Running, demo
from tests.support.simulated import catalog_with, upstream

pytestmark = [pytest.mark.anyio]

PROCESSES = 4
CALLERS = int(os.environ.get("PACKHOUSE_STORM_CALLERS", "60"))
"""For each process."""
MOST = 60
"""Output tokens that a call may ask for."""
FLOOR = 16
QUIET_SECONDS = 3.0
"""With no answer for so long the storm is over."""
HELD_SECONDS = 15
RULES = """
[[rules]]
when = "briefly"
text = "A word or two."
first_delay_seconds = 0.1

[[rules]]
when = "at length"
text = "{long}"
first_delay_seconds = 0.2
""".format(long="word " * 200)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_storm_never_passes_the_limit_and_uses_it_up(kind: Kind, tmp_path: Path) -> None:
    limit = PROCESSES * CALLERS * MOST // 10 + 3_000
    with upstream(tmp_path, RULES) as provider, of_a_demo(kind, tmp_path) as (installation, environment):
        flags = ("--catalog", str(catalog_with(tmp_path, output=limit)), "--gateway-processes", str(PROCESSES))
        with demo(tmp_path, *provider.flags, *flags, environment=environment) as running:
            storm = Storm(running, limit)
            await storm.blow()
            wait_until_nothing_is_held(installation)
            seen = provider.seen()
            used = consumed(running)
    spent = seen["usage"]["output"]
    sys.stdout.write(  # for `make storm`
        f"{kind}: limit {limit:,}, upstream's count {spent:,} ({spent / limit:.1%}), {storm.answered:,} answers, "
        f"{len(storm.refusals):,} refusals\n"
    )
    assert used == spent <= limit
    assert spent >= limit * 0.95
    assert storm.answered > CALLERS
    assert len(storm.refusals) > CALLERS
    for refusal in storm.refusals:
        assert refusal.limit == limit
        assert refusal.used + refusal.held + refusal.needed > limit, refusal


class Storm:
    """Callers that ask until the pack is used up, each on a connection of its own."""

    def __init__(self, running: Running, limit: int) -> None:
        self._running = running
        self._limit = limit
        self._last_answer = time.monotonic()
        self.answered = 0
        self.refusals = list[Refusal]()

    async def blow(self) -> None:
        await asyncio.gather(*(self._calls(number) for number in range(PROCESSES * CALLERS)))

    async def _calls(self, number: int) -> None:
        dice = random.Random(number)
        caller = Caller(self._running.gateway, self._running.report["keys"]["text"])
        while time.monotonic() - self._last_answer < QUIET_SECONDS:
            style = dice.choice(["briefly", "at length"])
            refusal = await caller.ask(f"Tell me {style}.", output_tokens=dice.randint(FLOOR, MOST))
            if refusal is None:
                self.answered += 1
                self._last_answer = time.monotonic()
            else:
                self.refusals.append(refusal)
                await asyncio.sleep(dice.uniform(0.2, 0.6))
        caller.close()


def consumed(running: Running) -> int:
    """The output tokens that the pack's table says were used."""
    with running.api() as api:
        report: Any = api.get(f"/resources/{running.report['resources']['text']}/consumption").json()
    return next(meter["used"] for meter in report["meters"] if meter["meter"] == "output")


def wait_until_nothing_is_held(installation: Installation) -> None:
    """Blocks go back to everybody when no call runs."""
    deadline = time.monotonic() + HELD_SECONDS
    while installation.count("SELECT coalesce(sum(amount), 0) FROM meter_block"):
        assert time.monotonic() < deadline, installation.sql("SELECT * FROM meter_block")
        time.sleep(0.2)
