"""The job that gives back the disk of a file that could not be taken in."""

from datetime import timedelta

from packhouse.domain.errors import Refused
from packhouse.domain.units import DocumentId, JobId
from packhouse.ports.jobs import Job, Jobs
from packhouse.ports.meter import Meter
from packhouse.services.knowledge import KnowledgeBases

UNSTAGE = "unstage"
"""The kind of the job. Its subject is the ingestion that failed, not the document: that may have been sent again."""

KEPT_FOR = timedelta(days=7)
"""How long the file of a failed ingestion stays."""

RETRY_AFTER = timedelta(hours=1)
_GONE = frozenset({"resource_inactive", "not_found"})


async def unstage_later(jobs: Jobs, failed: Job) -> None:
    """The file that the failed ingestion was about goes when its time has passed, unless it is sent again."""
    await jobs.enqueue(kind=UNSTAGE, resource_id=failed.resource_id, subject_id=failed.id, after=KEPT_FOR)


class Unstage:
    """Works on jobs of the kind `unstage`."""

    def __init__(self, bases: KnowledgeBases, jobs: Jobs, *, meter: Meter) -> None:
        self._bases = bases
        self._jobs = jobs
        self._meter = meter

    async def run(self, job: Job) -> None:
        """Removing what is gone already is fine, so a killed worker's job is simply done again."""
        try:
            await self._unstage(job)
        except Refused as refused:
            if refused.code not in _GONE:  # a knowledge base that is suspended comes back; one that is gone took all
                await self._jobs.fail(job, refused.code, retry_after=RETRY_AFTER)
                return
        await self._jobs.finish(job)

    async def _unstage(self, job: Job) -> None:
        failed = await self._jobs.job(JobId(job.subject_id))
        if failed is None:
            return
        newest = await self._jobs.about(failed.subject_id)
        if newest is None or newest.id != failed.id or failed.state != "failed":
            return  # it was sent again: a failure of that has a job of its own
        base = await self._bases.unasked(job.resource_id, self._meter)
        document = await base.store.document(DocumentId(failed.subject_id))
        if document is not None and document.state != "waiting":  # else it is being sent again at this moment
            await base.store.unstage(document.id)
