"""Durable jobs in the installation's database, without SQLAlchemy: workers and gateways stay lean.

Instants are microseconds since the epoch. A job belongs to its worker until the lease ends; `lease_owner` and
the number of attempts say whether it still does.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

from packhouse.adapters.database.connection import Place, connect
from packhouse.domain.units import JobId, ResourceId, instant
from packhouse.ports.jobs import Job
from packhouse.ports.outside import Clock, Ids

MICROSECOND = timedelta(microseconds=1)

_JOB = "id, kind, resource_id, subject_id, state, created_at, attempts, done, total, failure"
_DUE = "(state = 'waiting' AND available_at <= ? OR state = 'running' AND lease_until <= ?)"
_CLAIM = (
    "UPDATE job SET state = 'running', attempts = attempts + 1, lease_owner = ?, lease_until = ? WHERE id ="
    " (SELECT id FROM job WHERE kind IN ({kinds}) AND {due} ORDER BY available_at, id LIMIT 1{lock}) RETURNING {job}"
)
_ONE = f"SELECT {_JOB} FROM job WHERE id = ?"  # noqa: S608 - a constant of this file
_ENQUEUE = (
    "INSERT INTO job (id, kind, resource_id, subject_id, state, attempts, done, total, failure, created_at,"
    " available_at) SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT), CAST(?3 AS TEXT), CAST(?4 AS TEXT), 'waiting', 0, 0, 0,"
    " '', CAST(?5 AS BIGINT), CAST(?6 AS BIGINT) WHERE NOT EXISTS"
    " (SELECT 1 FROM job WHERE kind = CAST(?2 AS TEXT) AND subject_id = CAST(?4 AS TEXT) AND state = 'waiting')"
    " RETURNING id"
)
_NEWEST = f"SELECT {_JOB} FROM job WHERE kind = ? AND subject_id = ? ORDER BY created_at DESC, id DESC LIMIT 1"  # noqa: S608
_ABOUT = f"SELECT {_JOB} FROM job WHERE subject_id = ? ORDER BY created_at DESC, id DESC LIMIT 1"  # noqa: S608

Result = TypeVar("Result")


class JobQueue:
    """The jobs of one installation, for one process."""

    def __init__(self, database: Place, clock: Clock, *, ids: Ids) -> None:
        self._sql = connect(database, durable=True)  # what was accepted survives a power cut
        self._clock = clock
        self._ids = ids
        self._owner = ids.new("proc")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="jobs")

    def close(self) -> None:
        self._thread.shutdown()
        self._sql.close()

    async def enqueue(
        self, *, kind: str, resource_id: ResourceId, subject_id: str, after: timedelta = timedelta(0)
    ) -> Job:
        job = Job(
            id=JobId(self._ids.new("job")),
            kind=kind,
            resource_id=resource_id,
            subject_id=subject_id,
            state="waiting",
            created_at=self._clock.now(),
        )
        now = self._clock.microseconds()
        values = (job.id, kind, resource_id, subject_id, now, now + after // MICROSECOND)
        made = await self._run(_ENQUEUE, values, turn=f"job {kind} {subject_id}")
        return job if made else _job((await self._run(_NEWEST, (kind, subject_id)))[0])

    async def claim(self, kinds: Sequence[str], *, lease: timedelta) -> Job | None:
        if not kinds:
            return None
        now = self._clock.microseconds()
        lock = " FOR UPDATE SKIP LOCKED" if self._sql.shares_writing else ""
        rows = await self._run(
            _CLAIM.format(kinds=",".join("?" * len(kinds)), due=_DUE, job=_JOB, lock=lock),
            (self._owner, now + lease // MICROSECOND, *kinds, now, now),
        )
        return _job(rows[0]) if rows else None

    async def heartbeat(self, job: Job, *, done: int, total: int, lease: timedelta) -> bool:
        until = self._clock.microseconds() + lease // MICROSECOND
        rows = await self._run(
            "UPDATE job SET done = ?, total = ?, lease_until = ? WHERE id = ? AND state = 'running'"
            " AND lease_owner = ? AND attempts = ? RETURNING id",
            (done, total, until, job.id, self._owner, job.attempts),
        )
        return bool(rows)

    async def finish(self, job: Job) -> None:
        await self._end(job, "done", failure="", now=self._clock.microseconds())

    async def fail(self, job: Job, code: str, *, retry_after: timedelta | None) -> None:
        now = self._clock.microseconds()
        if retry_after is None:
            await self._end(job, "failed", failure=code, now=now)
            return
        await self._run(
            "UPDATE job SET state = 'waiting', failure = ?, available_at = ?, lease_owner = NULL, lease_until = NULL"
            " WHERE id = ? AND lease_owner = ? AND attempts = ?",
            (code, now + retry_after // MICROSECOND, job.id, self._owner, job.attempts),
        )

    async def job(self, job_id: JobId) -> Job | None:
        rows = await self._run(_ONE, (job_id,))
        return _job(rows[0]) if rows else None

    async def about(self, subject_id: str) -> Job | None:
        rows = await self._run(_ABOUT, (subject_id,))
        return _job(rows[0]) if rows else None

    async def _end(self, job: Job, state: str, *, failure: str, now: int) -> None:
        await self._run(
            "UPDATE job SET state = ?, failure = ?, finished_at = ?, lease_owner = NULL, lease_until = NULL"
            " WHERE id = ? AND lease_owner = ? AND attempts = ?",
            (state, failure, now, job.id, self._owner, job.attempts),
        )

    async def _run(self, statement: str, values: tuple[Any, ...], *, turn: str = "") -> list[tuple[Any, ...]]:
        """One statement is one transaction; with a `turn`, after all others that have it."""
        if turn:
            return await self._in_thread(lambda: self._in_turn(statement, values, turn=turn))
        return await self._in_thread(lambda: self._sql.run(statement, values))

    def _in_turn(self, statement: str, values: tuple[Any, ...], *, turn: str) -> list[tuple[Any, ...]]:
        with self._sql.writing([turn]):
            return self._sql.run(statement, values)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _job(row: tuple[Any, ...]) -> Job:
    job_id, kind, resource_id, subject_id, state, created_at, attempts, done, total, failure = row
    return Job(
        id=job_id,
        kind=kind,
        resource_id=resource_id,
        subject_id=subject_id,
        state=state,
        created_at=instant(created_at),
        attempts=attempts,
        done=done,
        total=total,
        failure=failure,
    )
