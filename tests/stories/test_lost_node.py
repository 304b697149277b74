"""A node that hangs, and one that is gone: the others go on with what it does not hold, and nobody passes the limit.

The upstream's own count is the judge.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.crowd import Caller
from tests.support.databases import empty
from tests.support.installation import Installation
from tests.support.running import Node, Running, demo, serving
from tests.support.simulated import Upstream, catalog_with, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.needs("postgresql")]

LIMIT = 3_000
RUNNING = 5
"""Calls that run on the node when it is lost."""
CAP = 60
"""Output tokens that each call asks for, and comes to."""
CALLERS = 8
LEASE_SECONDS = 12
WAIT_SECONDS = 60
"""Far more than a busy machine needs."""
RULES = """
[[rules]]
when = "slowly"
text = "{long}"
first_delay_seconds = 1.5

[[rules]]
when = "at length"
text = "{long}"
""".format(long="word " * 200)


@dataclass(frozen=True)
class Scene:
    """Two nodes on one database; the second has calls that run, and said so to the database."""

    installation: Installation
    provider: Upstream
    first: Running
    second: Node
    flags: tuple[str, ...]
    environment: dict[str, str]
    directory: Path
    calls: list[asyncio.Task[object]]

    def caller(self, gateway: str) -> Caller:
        return Caller(gateway, self.first.report["keys"]["text"])

    async def use_up(self) -> None:
        """What the first node can get, by calls until each is refused."""

        async def calls() -> None:
            caller = self.caller(self.first.gateway)
            while await caller.ask("Tell me at length.", output_tokens=CAP) is None:
                pass
            caller.close()

        await asyncio.gather(*(calls() for _ in range(CALLERS)))

    def used(self) -> int:
        return self.installation.count("SELECT sum(used) FROM usage_total WHERE meter = 'output'")

    def seen(self) -> int:
        return self.provider.seen()["usage"]["output"]

    def set_aside(self) -> int:
        return self.installation.count("SELECT coalesce(sum(amount), 0) FROM meter_block WHERE meter = 'output'")


@asynccontextmanager
async def two_nodes(directory: Path) -> AsyncGenerator[Scene]:
    with empty("postgresql", directory) as url, upstream(directory, RULES) as provider:
        installation = Installation(url, directory / "second" / "data" / "journal")
        catalog = ("--catalog", str(catalog_with(directory, output=LIMIT)))
        flags = (*provider.flags, *catalog, "--meter-lease-seconds", str(LEASE_SECONDS))
        secret = {"PACKHOUSE_DATABASE": url}
        with demo(directory, *flags, environment=secret) as first:
            flags = (*flags, "--parts", "gateway")
            with serving(directory / "second", *flags, environment=secret) as second:
                scene = Scene(installation, provider, first, second, flags, secret, directory, [])
                for _ in range(RUNNING):
                    ask = scene.caller(second.gateway).ask("Tell me slowly.", output_tokens=CAP)
                    scene.calls.append(asyncio.create_task(ask))
                await until(lambda: installation.count("SELECT sum(held) FROM meter_block") >= RUNNING * CAP)
                yield scene


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_node_that_hangs_is_given_up_and_passes_no_limit_when_it_wakes(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as scene:
        (gateway,) = scene.second.gateways()
        gateway.suspend()
        await until(lambda: scene.set_aside() == RUNNING * CAP)
        await scene.use_up()
        assert LIMIT - RUNNING * CAP - CAP < scene.used() <= LIMIT - RUNNING * CAP
        gateway.resume()
        assert await asyncio.gather(*scene.calls) == [None] * RUNNING
        refusal = await scene.caller(scene.second.gateway).ask("Tell me at length.", output_tokens=CAP)
        assert refusal is not None
        await until(lambda: scene.set_aside() == 0)
        assert LIMIT * 0.95 <= scene.used() == scene.seen() <= LIMIT


async def test_what_a_lost_node_held_stays_set_aside_until_its_journal_turns_up(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as scene:
        scene.second.lose()
        assert [type(end) for end in await asyncio.gather(*scene.calls, return_exceptions=True)] == [
            ConnectionError
        ] * RUNNING
        await until(lambda: scene.set_aside() == RUNNING * CAP)
        await scene.use_up()
        assert LIMIT - RUNNING * CAP - CAP < scene.used() <= LIMIT - RUNNING * CAP
        with serving(tmp_path / "second", *scene.flags, environment=scene.environment):
            await until(lambda: scene.set_aside() == 0)
        crashed = scene.installation.sql("SELECT output, source FROM usage_record WHERE outcome = 'crashed'")
        assert crashed == [(CAP, "estimated")] * RUNNING
        assert LIMIT * 0.95 <= scene.used() <= LIMIT
        assert scene.seen() <= scene.used()
