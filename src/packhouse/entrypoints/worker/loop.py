"""The worker's loop: claims jobs, runs the handler of their kind, keeps the lease alive meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog

from packhouse.ports.jobs import Job, Jobs

LEASE = timedelta(seconds=30)
BEAT_SECONDS = 10.0
IDLE_SECONDS = 0.25
RETRY_AFTER = timedelta(seconds=30)
ATTEMPTS_MAX = 5

Handler = Callable[[Job], Awaitable[None]]

log = structlog.get_logger()


class WorkerLoop:
    """Runs up to `at_once` jobs at once until it is stopped; a job that is cut off is resumed later."""

    def __init__(self, jobs: Jobs, handlers: Mapping[str, Handler], *, at_once: int) -> None:
        self._jobs = jobs
        self._handlers = handlers
        self._places = asyncio.Semaphore(at_once)
        self._running = set[asyncio.Task[None]]()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what runs then is left to `drain`."""
        while not stop.is_set():
            await self._places.acquire()
            job = await self._next()
            if job is None:
                self._places.release()
                await _first(stop, IDLE_SECONDS)
                continue
            task = asyncio.create_task(self._work(job), name=job.id)
            self._running.add(task)
            task.add_done_callback(self._done)

    async def drain(self, seconds: float) -> None:
        """Lets running jobs go on for that long, then cuts them off; their leases bring them back."""
        if self._running:
            _, pending = await asyncio.wait(self._running, timeout=seconds)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _next(self) -> Job | None:
        try:
            return await self._jobs.claim(tuple(self._handlers), lease=LEASE)
        except Exception as error:  # the database is away: ask again
            log.warning("jobs_unavailable", error=type(error).__name__)
            return None

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._places.release()

    async def _work(self, job: Job) -> None:
        beat = asyncio.create_task(self._beat(job))
        try:
            await self._handlers[job.kind](job)
        except Exception as error:  # the last handler: a job never ends the worker
            log.error("job_failed", job_id=job.id, kind=job.kind, error=type(error).__name__, attempts=job.attempts)
            again = RETRY_AFTER if job.attempts < ATTEMPTS_MAX else None
            await self._jobs.fail(job, "internal", retry_after=again)
        finally:
            beat.cancel()

    async def _beat(self, job: Job) -> None:
        """Between two reports of progress, which the handler makes itself, the lease must not end."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            seen = await self._jobs.job(job.id)
            if seen is not None:
                await self._jobs.heartbeat(job, done=seen.done, total=seen.total, lease=LEASE)


async def _first(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
