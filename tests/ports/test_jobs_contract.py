"""Queues of jobs: leases, progress, retries, and two processes that want the same work."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from packhouse.adapters.jobs.queue import JobQueue
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.units import JobId, ResourceId
from packhouse.ports.jobs import Job
from tests.support.databases import KINDS, installed
from tests.support.installation import Installation
from tests.support.needs import ROOT

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)
BASE = ResourceId("res_1")


class Workers:
    """Two workers on one queue, and the clock that both look at."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.database = installation.database
        self.clock = SetClock(NOW)
        ids = SystemIds(self.clock)
        self.one = JobQueue(self.database, self.clock, ids=ids)
        self.two = JobQueue(self.database, self.clock, ids=ids)

    async def enqueue(self, subject_id: str = "doc_1", kind: str = "ingest") -> Job:
        self.clock.advance(SECOND)
        return await self.one.enqueue(kind=kind, resource_id=BASE, subject_id=subject_id)


@pytest.fixture(params=KINDS)
def workers(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Workers]:
    with installed(request.param, tmp_path) as installation:
        made = Workers(installation)
        yield made
        made.one.close()
        made.two.close()


async def claimed(jobs: JobQueue, *kinds: str) -> Job:
    job = await jobs.claim(kinds or ("ingest",), lease=LEASE)
    assert job is not None
    return job


async def test_a_job_that_waits_already_is_not_doubled(workers: Workers) -> None:
    first = await workers.enqueue()
    assert await workers.enqueue() == first
    other = await workers.enqueue("doc_1", "other")
    assert other.id != first.id
    await claimed(workers.two)
    assert (await workers.enqueue()).id != first.id
    rows = await asyncio.gather(
        *(jobs.enqueue(kind="k", resource_id=BASE, subject_id="s") for jobs in [workers.one, workers.two] * 8)
    )
    assert len({job.id for job in rows}) == 1


async def test_a_job_for_later_waits_for_its_time(workers: Workers) -> None:
    later = await workers.one.enqueue(kind="ingest", resource_id=BASE, subject_id="doc_1", after=LEASE)
    workers.clock.advance(LEASE - SECOND)
    assert await workers.two.claim(("ingest",), lease=LEASE) is None
    workers.clock.advance(SECOND)
    assert (await claimed(workers.two)).id == later.id


async def test_a_job_goes_from_waiting_to_done(workers: Workers) -> None:
    enqueued = await workers.enqueue()
    assert enqueued.id.startswith("job_")
    assert (enqueued.state, enqueued.created_at) == ("waiting", workers.clock.now())
    assert await workers.two.job(enqueued.id) == enqueued
    job = await claimed(workers.two)
    assert job == replace(enqueued, state="running", attempts=1)
    assert await workers.two.heartbeat(job, done=3, total=9, lease=LEASE)
    assert await workers.one.job(job.id) == replace(job, done=3, total=9)
    await workers.two.finish(job)
    assert await workers.one.job(job.id) == replace(job, done=3, total=9, state="done")
    assert await workers.one.claim(("ingest",), lease=LEASE) is None


async def test_the_oldest_of_the_wanted_kinds_comes_first(workers: Workers) -> None:
    for subject, kind in (("a", "ingest"), ("b", "erase"), ("c", "ingest")):
        await workers.enqueue(subject, kind)
    assert (await claimed(workers.one, "erase")).subject_id == "b"
    assert (await claimed(workers.one, "erase", "ingest")).subject_id == "a"
    assert (await claimed(workers.two, "ingest")).subject_id == "c"
    assert await workers.two.claim(("ingest", "erase"), lease=LEASE) is None
    assert await workers.two.claim((), lease=LEASE) is None


async def test_a_job_whose_lease_has_passed_is_another_workers(workers: Workers) -> None:
    await workers.enqueue()
    first = await claimed(workers.one)
    workers.clock.advance(LEASE - SECOND)
    assert await workers.two.claim(("ingest",), lease=LEASE) is None
    assert await workers.one.heartbeat(first, done=1, total=2, lease=LEASE)
    workers.clock.advance(LEASE - SECOND)
    assert await workers.two.claim(("ingest",), lease=LEASE) is None
    workers.clock.advance(SECOND)
    second = await claimed(workers.two)
    assert (second.id, second.attempts, second.done, second.total) == (first.id, 2, 1, 2)
    assert not await workers.one.heartbeat(first, done=2, total=2, lease=LEASE)
    await workers.one.finish(first)
    await workers.one.fail(first, "internal", retry_after=None)
    await workers.one.fail(first, "internal", retry_after=SECOND)
    assert await workers.one.job(first.id) == second
    assert await workers.two.heartbeat(second, done=2, total=2, lease=LEASE)


async def test_a_lease_that_has_passed_unnoticed_can_still_be_renewed(workers: Workers) -> None:
    await workers.enqueue()
    job = await claimed(workers.one)
    workers.clock.advance(LEASE * 3)
    assert await workers.one.heartbeat(job, done=0, total=0, lease=LEASE)
    assert await workers.two.claim(("ingest",), lease=LEASE) is None


async def test_the_same_worker_after_its_own_lost_lease_is_another(workers: Workers) -> None:
    await workers.enqueue()
    first = await claimed(workers.one)
    workers.clock.advance(LEASE)
    second = await claimed(workers.one)
    assert not await workers.one.heartbeat(first, done=1, total=1, lease=LEASE)
    assert await workers.one.heartbeat(second, done=1, total=1, lease=LEASE)


async def test_failures_wait_for_another_attempt_or_end_the_job(workers: Workers) -> None:
    await workers.enqueue()
    job = await claimed(workers.one)
    await workers.one.fail(job, "provider_throttled", retry_after=10 * SECOND)
    assert await workers.one.job(job.id) == replace(job, state="waiting", failure="provider_throttled")
    workers.clock.advance(9 * SECOND)
    assert await workers.two.claim(("ingest",), lease=LEASE) is None
    workers.clock.advance(SECOND)
    again = await claimed(workers.two)
    assert again.attempts == 2
    await workers.two.fail(again, "document_empty", retry_after=None)
    ended = await workers.one.job(job.id)
    assert ended == replace(again, state="failed", failure="document_empty")
    workers.clock.advance(timedelta(days=1))
    assert await workers.one.claim(("ingest",), lease=LEASE) is None


async def test_the_newest_job_about_a_subject(workers: Workers) -> None:
    assert await workers.one.about("doc_1") is None
    assert await workers.one.job(JobId("job_none")) is None
    await workers.enqueue()
    await claimed(workers.two)
    newest = await workers.enqueue()
    await workers.enqueue("doc_2")
    assert await workers.two.about("doc_1") == newest


async def test_nothing_but_ids_is_kept(workers: Workers) -> None:
    job = await workers.enqueue()
    (row,) = workers.installation.sql("SELECT * FROM job")
    texts = {value for value in row if isinstance(value, str) and value}
    assert texts == {job.id, "ingest", BASE, "doc_1", "waiting"}


CLAIMER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from packhouse.adapters.jobs.queue import JobQueue
from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds

async def main():
    clock = SystemClock()
    place = sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1])
    jobs = JobQueue(place, clock, ids=SystemIds(clock))
    while (job := await jobs.claim(("ingest",), lease=timedelta(minutes=5))) is not None:
        print(job.subject_id)
        await jobs.finish(job)
    jobs.close()

asyncio.run(main())
"""


async def test_two_processes_never_get_the_same_job(workers: Workers) -> None:
    for number in range(120):
        await workers.enqueue(f"doc_{number}")
    claimers = [
        subprocess.Popen([sys.executable, "-c", CLAIMER, str(workers.database)], stdout=subprocess.PIPE, cwd=ROOT)  # noqa: ASYNC220
        for _ in range(2)
    ]
    got = Counter(line for claimer in claimers for line in claimer.communicate()[0].split())
    assert all(claimer.returncode == 0 for claimer in claimers)
    assert got == Counter(f"doc_{number}".encode() for number in range(120))
