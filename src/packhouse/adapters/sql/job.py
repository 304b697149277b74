"""Jobs that a verb's transaction enqueues; who works on them reads the table without this library."""

from sqlalchemy import insert

from packhouse.adapters.sql.repository import Repository, columns
from packhouse.adapters.sql.tables import job as table
from packhouse.ports.jobs import Job


class SqlJobs(Repository):
    async def enqueue(self, job: Job) -> None:
        await self._sql.execute(insert(table).values(**columns(job), available_at=job.created_at))
