"""The worker's loop: bounded, alive while it works, and quick to end."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from packhouse.adapters.jobs.queue import JobQueue
from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.units import ResourceId
from packhouse.entrypoints.worker.loop import Handler, WorkerLoop
from packhouse.ports.jobs import Job
from tests.support.installation import install

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)


@dataclass
class Work:
    """A handler that waits until it is let go, and what it saw."""

    jobs: JobQueue
    begun: list[str] = field(default_factory=list[str])
    cancelled: list[str] = field(default_factory=list[str])
    most: int = 0
    running: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, job: Job) -> None:
        self.begun.append(job.subject_id)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
            await self.jobs.finish(job)
        except asyncio.CancelledError:
            self.cancelled.append(job.subject_id)
            raise
        finally:
            self.running -= 1


@dataclass
class Bench:
    database: Path
    jobs: JobQueue
    work: Work
    given_up: list[str]
    stop: asyncio.Event

    async def enqueue(self, *subjects: str) -> list[Job]:
        return [
            await self.jobs.enqueue(kind="k", resource_id=ResourceId("res_1"), subject_id=each) for each in subjects
        ]

    async def states(self, jobs: list[Job]) -> list[tuple[str, str]]:
        found = [await self.jobs.job(job.id) for job in jobs]
        return [(job.state, job.failure) for job in found if job is not None]

    async def until(self, count: int) -> None:
        """So many jobs have begun."""
        async with asyncio.timeout(20):
            while len(self.work.begun) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def loop(
        self, handler: Handler | None = None, *, at_once: int = 2, drain: float = 0.0
    ) -> AsyncGenerator[asyncio.Task[None]]:
        async def told(job: Job) -> None:
            self.given_up.append(job.subject_id)
            raise ZeroDivisionError

        handlers = {"k": handler or self.work.run}
        loop = WorkerLoop(self.jobs, handlers, at_once=at_once, given_up={"k": told}, beat_seconds=0.05)
        task = asyncio.create_task(loop.run(self.stop))
        try:
            yield task
        finally:
            self.stop.set()
            async with asyncio.timeout(20):
                await task
                await loop.drain(drain)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[Bench]:
    install(tmp_path)
    database = tmp_path / "packhouse.db"
    clock = SystemClock()
    jobs = JobQueue(database, clock, ids=SystemIds(clock))
    yield Bench(database, jobs, Work(jobs), [], asyncio.Event())
    jobs.close()


async def test_works_on_so_many_at_once_and_on_all_in_the_end(bench: Bench) -> None:
    jobs = await bench.enqueue("a", "b", "c", "d", "e")
    async with bench.loop(drain=20):
        await bench.until(2)
        await asyncio.sleep(0.1)
        assert bench.work.begun == ["a", "b"]
        bench.work.go.set()
        await bench.until(5)
    assert bench.work.most == 2
    assert await bench.states(jobs) == [("done", "")] * 5


async def test_takes_up_what_comes_later(bench: Bench) -> None:
    bench.work.go.set()
    async with bench.loop(drain=20):
        await asyncio.sleep(0.05)
        jobs = await bench.enqueue("late")
        await bench.until(1)
    assert await bench.states(jobs) == [("done", "")]


async def test_a_stop_ends_it_while_every_place_is_taken_and_jobs_are_given_back(bench: Bench) -> None:
    jobs = await bench.enqueue("a", "b", "c")
    async with bench.loop():
        await bench.until(2)
    assert sorted(bench.work.cancelled) == ["a", "b"]
    assert await bench.states(jobs) == [("waiting", "")] * 3
    assert (await bench.jobs.claim(("k",), lease=LEASE)) is not None  # at once, without waiting for a lease


async def test_a_drain_lets_running_jobs_end(bench: Bench) -> None:
    jobs = await bench.enqueue("a")
    async with bench.loop(drain=20):
        await bench.until(1)
        asyncio.get_running_loop().call_later(0.1, bench.work.go.set)
    assert await bench.states(jobs) == [("done", "")]


async def test_a_broken_handler_never_ends_the_worker(bench: Bench) -> None:
    async def broken(job: Job) -> None:
        bench.work.begun.append(job.subject_id)
        if job.subject_id == "bad":
            raise ZeroDivisionError("with content in its text")
        await bench.jobs.finish(job)

    jobs = await bench.enqueue("bad", "good")
    async with bench.loop(broken, at_once=1, drain=20):
        await bench.until(2)
    assert await bench.states(jobs) == [("waiting", "internal"), ("done", "")]
    assert (await bench.jobs.claim(("k",), lease=LEASE)) is None  # not at once again


async def test_a_handler_that_broke_too_often_is_given_up_and_that_is_told(bench: Bench) -> None:
    async def broken(job: Job) -> None:
        bench.work.begun.append(job.subject_id)
        raise ZeroDivisionError

    jobs = await bench.enqueue("bad", "worse")
    connection = sqlite3.connect(bench.database)
    with connection:
        connection.execute("UPDATE job SET attempts = 4 WHERE subject_id = 'worse'")
    connection.close()
    async with bench.loop(broken, drain=20):
        await bench.until(2)
    assert await bench.states(jobs) == [("waiting", "internal"), ("failed", "internal")]
    assert bench.given_up == ["worse"]


async def test_the_lease_is_kept_alive_while_a_handler_works(bench: Bench) -> None:
    (job,) = await bench.enqueue("a")
    async with bench.loop(drain=20):
        await bench.until(1)
        first = lease_until(bench, job)
        async with asyncio.timeout(20):
            while lease_until(bench, job) == first:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        bench.work.go.set()


async def test_a_handler_whose_job_was_taken_away_is_stopped(bench: Bench) -> None:
    (job,) = await bench.enqueue("a")
    async with bench.loop(drain=20):
        await bench.until(1)
        connection = sqlite3.connect(bench.database)
        with connection:
            connection.execute("UPDATE job SET lease_owner = 'another', attempts = attempts + 1")
        connection.close()
        async with asyncio.timeout(20):
            while not bench.work.cancelled:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert await bench.states([job]) == [("running", "")]


def lease_until(bench: Bench, job: Job) -> object:
    connection = sqlite3.connect(bench.database)
    row = connection.execute("SELECT lease_until FROM job WHERE id = ?", (job.id,)).fetchone()
    connection.close()
    return row[0]
