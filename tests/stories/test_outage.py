"""A database that is away under load: running calls end well, nothing is lost, and afterwards all is as it was.

`make outage` lets it be away for a minute.
"""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.cable import Cut, cable
from tests.support.databases import empty
from tests.support.installation import Installation
from tests.support.running import Running, demo
from tests.support.simulated import catalog_with, upstream

pytestmark = [pytest.mark.anyio]

AWAY_SECONDS = float(os.environ.get("PACKHOUSE_OUTAGE_SECONDS", "6"))
CALLERS = 8
SETTLED_SECONDS = 90
"""Statements that hang are given up after a minute."""
RULES = """
[[rules]]
when = "briefly"
text = "A word or two."

[[rules]]
when = "at length"
text = "{long}"
pieces = 40
piece_delay_seconds = {delay}
""".format(long="word " * 40, delay=(AWAY_SECONDS + 4) / 40)


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_postgresql_that_is_away_stops_no_running_call_and_loses_none(how: Cut, tmp_path: Path) -> None:
    with empty("postgresql", tmp_path) as url, cable(url) as line:
        installation = Installation(url, tmp_path / "data" / "journal")

        @contextmanager
        def away() -> Generator[None]:
            line.cut(how)
            yield
            line.mend()

        await outlived(away, installation, tmp_path, environment={"PACKHOUSE_DATABASE": line.url})


async def test_sqlite_that_is_locked_stops_no_running_call_and_loses_none(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data" / "packhouse.db", tmp_path / "data" / "journal")

    @contextmanager
    def away() -> Generator[None]:
        other = sqlite3.connect(tmp_path / "data" / "packhouse.db", isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()

    await outlived(away, installation, tmp_path, environment={})


async def outlived(
    away: Callable[[], Any], installation: Installation, directory: Path, *, environment: dict[str, str]
) -> None:
    with upstream(directory, RULES) as provider:
        flags = ("--catalog", str(catalog_with(directory, output=10**9)), "--gateway-processes", "2")
        with demo(directory, *provider.flags, *flags, environment=environment) as running:
            settled(installation)
            installation.sql("DELETE FROM usage_record")
            provider.reset()
            crowd = Crowd(running)
            long = [asyncio.create_task(crowd.stream()) for _ in range(CALLERS)]
            short = [asyncio.create_task(crowd.calls()) for _ in range(CALLERS)]
            await crowd.all_run.wait()
            parts = {process.pid for process in running.parts().values()}
            with away():
                answered = crowd.answered
                await asyncio.sleep(AWAY_SECONDS)
                meanwhile = crowd.answered - answered
            words = await asyncio.gather(*long)
            crowd.over = True
            await asyncio.gather(*short)
            settled(installation)
            seen = provider.seen()
            records, used = installation.sql("SELECT count(*), sum(output) FROM usage_record")[0]
            assert {process.pid for process in running.parts().values()} == parts, "a part ended"
            with running.client("text") as client:
                assert client.post("/v1/chat/completions", json=crowd.body("briefly")).status_code == 200
    sys.stdout.write(  # for `make outage`
        f"away for {AWAY_SECONDS:.0f} s: {meanwhile:,} calls answered meanwhile, {crowd.refused:,} refused; "
        f"{seen['calls']:,} calls seen upstream, {records:,} records\n"
    )
    assert words == [40] * CALLERS, "a running call was stopped"
    assert meanwhile > CALLERS, "calls that have quota set aside go on"
    assert records == seen["calls"]
    assert used == seen["usage"]["output"]


class Crowd:
    """Callers of both kinds; all streams, and who waits with them, go on from `all_run` together.

    `refused` counts the answers of 503; any other but 200 fails the test.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self.over = False
        self.answered = 0
        self.refused = 0
        self.all_run = asyncio.Barrier(CALLERS + 1)

    def body(self, style: str) -> dict[str, Any]:
        return {"model": "default", "max_tokens": 60, "messages": [{"role": "user", "content": f"Tell me {style}."}]}

    async def stream(self) -> int:
        """The words of a long answer."""
        async with self._client() as client:
            body = {**self.body("at length"), "stream": True}
            async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                assert answer.status_code == 200
                lines = answer.aiter_lines()
                words = (await anext(line async for line in lines if "word" in line)).count("word")
                await self.all_run.wait()
                return words + sum([line.count("word") async for line in lines])

    async def calls(self) -> None:
        """One short call after the other."""
        async with self._client() as client:
            while not self.over:
                answer = await client.post("/v1/chat/completions", json=self.body("briefly"))
                if answer.status_code == 200:
                    self.answered += 1
                else:
                    assert answer.status_code == 503, answer.text
                    assert answer.json()["error"]["code"] == "unavailable"
                    assert int(answer.headers["retry-after"]) > 0
                    self.refused += 1
                await asyncio.sleep(0.02)

    def _client(self) -> httpx.AsyncClient:
        key = self._running.report["keys"]["text"]
        headers = {"authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self._running.gateway, headers=headers, timeout=AWAY_SECONDS + 90)


def settled(installation: Installation) -> None:
    """Until no process has anything set aside, and all that was settled is booked."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while installation.count("SELECT coalesce(sum(amount), 0) FROM meter_block"):
        assert time.monotonic() < deadline, installation.sql("SELECT * FROM meter_block")
        time.sleep(0.2)
