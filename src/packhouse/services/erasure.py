"""The job that erases what a deprovisioned knowledge base held."""

from packhouse.ports.jobs import Job, Jobs
from packhouse.services.knowledge import KnowledgeBases


class Erase:
    """Works on jobs of the kind `erase`; their subject is the knowledge base."""

    def __init__(self, bases: KnowledgeBases, jobs: Jobs) -> None:
        self._bases = bases
        self._jobs = jobs

    async def run(self, job: Job) -> None:
        """Erasing what is gone already is fine, so a killed worker's job is simply done again."""
        await self._bases.erase(job.resource_id)
        await self._jobs.finish(job)
