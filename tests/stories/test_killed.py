"""kill -9 of any part at any instant while documents go in: nothing doubled, nothing missing, nothing held."""

import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from packhouse.adapters.documents.split import PassageSplitter
from packhouse.ports.documents import Page
from packhouse.settings import Settings
from tests.support.installation import Installation
from tests.support.running import Running, demo

pytestmark = [pytest.mark.anyio, pytest.mark.needs("embeddings"), pytest.mark.needs("weights")]

DOCUMENTS = int(os.environ.get("PACKHOUSE_KILL_DOCUMENTS", "40"))
KILLS = int(os.environ.get("PACKHOUSE_KILLS", "9"))
LEASE_SECONDS = 45
"""The worker's lease on a job, and some time to work it off."""


def text_of(number: int) -> str:
    """A document of a few passages, different from all others."""
    sentence = f"Report {number} says that buoy {{}} of harbour {number} was painted in the year {{}}. "
    return "".join(sentence.format(line, 1900 + line) for line in range(40 + number % 7 * 10))


async def expected_chunks(number: int) -> int:
    settings = Settings()
    passages = await PassageSplitter().split(
        [Page(None, text_of(number))],
        size_characters=settings.chunk_characters,
        overlap_characters=settings.chunk_overlap_characters,
    )
    return len(passages)


async def test_killing_any_part_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        with running.client() as gateway:
            made = gateway.post("/v1/knowledge/collections", json={"name": "reports"})
            assert made.status_code == 201
        killer = Killer(running)
        killer.start()
        documents = [upload(running, number) for number in range(DOCUMENTS)]
        killer.join()
        states = wait_until_done(running, documents)
        assert states == Counter({"done": DOCUMENTS})
        expected = sum([await expected_chunks(number) for number in range(DOCUMENTS)])
        chunks = all_chunks(running)
        assert len(chunks) == len(set(chunks)) == expected
        assert killer.killed == KILLS
        assert nothing_held(running) == []
    assert_books_agree(tmp_path)


class Killer(threading.Thread):
    """Kills a part at random instants, whichever it is."""

    def __init__(self, running: Running) -> None:
        super().__init__(daemon=True)
        self._running = running
        self._dice = random.Random(7)
        self.killed = 0

    def run(self) -> None:
        while self.killed < KILLS:
            time.sleep(self._dice.uniform(0.2, 1.5))
            parts = self._running.parts()
            if parts:
                parts[self._dice.choice(sorted(parts))].kill()
                self.killed += 1


def upload(running: Running, number: int) -> str:
    """As a careful application does: sent again until it was answered; the same bytes are the same document."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with running.client() as gateway:
                taken = gateway.post(
                    "/v1/knowledge/collections/reports/documents",
                    params={"name": f"report-{number}.txt"},
                    content=text_of(number).encode(),
                )
            if taken.status_code in {200, 202}:
                return taken.json()["document"]["id"]
            assert taken.status_code >= 500, taken.text
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_until_done(running: Running, documents: list[str]) -> Counter[str]:
    deadline = time.monotonic() + LEASE_SECONDS + 120
    while True:
        try:
            with running.client() as gateway:
                states = Counter(
                    gateway.get(f"/v1/knowledge/documents/{document}").json()["document"]["state"]
                    for document in documents
                )
        except httpx.TransportError:
            states = Counter[str]()
        if states and not states["waiting"] and not states["running"]:
            return states
        assert time.monotonic() < deadline, states
        time.sleep(0.5)


def all_chunks(running: Running) -> list[str]:
    with running.client() as gateway:
        found = list[str]()
        while True:
            page = gateway.get(
                "/v1/knowledge/collections/reports/chunks", params={"offset": str(len(found)), "limit": "1000"}
            ).json()
            found += [chunk["id"] for chunk in page["chunks"]]
            if len(found) >= page["total"] or not page["chunks"]:
                return found


def database_of(running: Running) -> Installation:
    data = Path(running.report["data_directory"])
    return Installation(data / "packhouse.db", data / "journal")


def nothing_held(running: Running) -> list[tuple[object, ...]]:
    """Blocks of processes that do not live; the lease is bounded, so they must be gone soon."""
    deadline = time.monotonic() + 15
    while True:
        rows = database_of(running).sql(
            "SELECT process_id, sum(amount) FROM meter_block GROUP BY process_id HAVING sum(amount) != 0"
        )
        if not rows or time.monotonic() > deadline:
            return rows
        time.sleep(0.5)


def assert_books_agree(directory: Path) -> None:
    """After the end: no process, no block, no journal; and the sums are the sums of the records."""
    installation = Installation(directory / "data" / "packhouse.db", directory / "data" / "journal")
    assert installation.count("SELECT count(*) FROM meter_block") == 0
    assert installation.count("SELECT count(*) FROM meter_process") == 0
    assert list(installation.journals.iterdir()) == []
    records = installation.sql("SELECT resource_id, sum(input + cache_read) FROM usage_record GROUP BY resource_id")
    totals = installation.sql(
        "SELECT resource_id, sum(used) FROM usage_total WHERE meter = 'input' GROUP BY resource_id"
    )
    hours = installation.sql("SELECT resource_id, sum(input + cache_read) FROM usage_hour GROUP BY resource_id")
    assert sorted(records) == sorted(totals) == sorted(hours)
    assert installation.count("SELECT count(*) FROM usage_record") == installation.count(
        "SELECT sum(calls) FROM usage_hour"
    )
