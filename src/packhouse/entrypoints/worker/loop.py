"""The worker's loop: claims jobs, runs the handler of their kind, keeps the lease alive meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
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
    """Runs up to `at_once` jobs at once until it is stopped; a job that is cut off is resumed later.

    `given_up`, by kind, is told of a job whose handler broke too often, before the job ends for good.
    """

    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Handler],
        *,
        at_once: int,
        given_up: Mapping[str, Handler] | None = None,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._jobs = jobs
        self._handlers = handlers
        self._given_up = given_up or {}
        self._beat_seconds = beat_seconds
        self._at_once = at_once
        self._running = set[asyncio.Task[None]]()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what runs then is left to `drain`."""
        while not stop.is_set():
            job = await self._next() if len(self._running) < self._at_once else None
            if job is None:
                await _first(stop, IDLE_SECONDS, tasks=self._running if len(self._running) == self._at_once else ())
                continue
            task = asyncio.create_task(self._work(job), name=job.id)
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def drain(self, seconds: float) -> None:
        """Lets running jobs go on for that long, then cuts them off and gives them back."""
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

    async def _work(self, job: Job) -> None:
        handler = asyncio.ensure_future(self._handlers[job.kind](job))
        beat = asyncio.create_task(self._beat(job, handler))
        try:
            await handler
        except asyncio.CancelledError:
            if beat.done():  # the job was taken away: it is another worker's now
                log.warning("job_taken_away", job_id=job.id, kind=job.kind)
                return
            await self._jobs.fail(job, "", retry_after=timedelta(0))  # given back, so that nobody waits for the lease
            raise
        except Exception as error:  # the last handler: a job never ends the worker
            log.error("job_failed", job_id=job.id, kind=job.kind, error=type(error).__name__, attempts=job.attempts)
            await self._broke(job)
        finally:
            beat.cancel()

    async def _broke(self, job: Job) -> None:
        if job.attempts < ATTEMPTS_MAX:
            await self._jobs.fail(job, "internal", retry_after=RETRY_AFTER)
            return
        if (told := self._given_up.get(job.kind)) is not None:
            try:
                await told(job)
            except Exception as error:  # what is broken may break this too
                log.error("job_not_given_up", job_id=job.id, kind=job.kind, error=type(error).__name__)
        await self._jobs.fail(job, "internal", retry_after=None)

    async def _beat(self, job: Job, handler: asyncio.Future[None]) -> None:
        """Between two reports of progress, which the handler makes itself, the lease must not end."""
        while True:
            await asyncio.sleep(self._beat_seconds)
            if not await self._still_ours(job):
                handler.cancel()
                return

    async def _still_ours(self, job: Job) -> bool:
        try:
            seen = await self._jobs.job(job.id)
            return seen is not None and await self._jobs.heartbeat(job, done=seen.done, total=seen.total, lease=LEASE)
        except Exception as error:  # the database is away: the lease has some time left
            log.warning("jobs_unavailable", error=type(error).__name__)
            return True


async def _first(stop: asyncio.Event, seconds: float, *, tasks: Collection[asyncio.Task[None]]) -> None:
    """Waits for the stop, the end of one of the tasks, or so many seconds where there is none."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({stopped, *tasks}, timeout=None if tasks else seconds, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
