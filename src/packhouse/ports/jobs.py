"""What we need from a queue: durable jobs with a lease, ids only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from packhouse.domain.units import JobId, ResourceId

JobState = Literal["waiting", "running", "done", "failed"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work. `subject_id` is what it is about (a document, a resource); no content, no names.

    `done` of `total` is its progress in the unit of its kind (chunks for an ingestion). `failure` is the code
    of the last refusal.
    """

    id: JobId
    kind: str
    resource_id: ResourceId
    subject_id: str
    state: JobState
    created_at: datetime
    attempts: int = 0
    done: int = 0
    total: int = 0
    failure: str = ""


class Jobs(Protocol):
    async def enqueue(
        self, *, kind: str, resource_id: ResourceId, subject_id: str, after: timedelta = timedelta(0)
    ) -> Job:
        """Nobody gets it before `after` has passed. One of that kind about that subject that waits already stays the
        only one, and is returned."""
        ...

    async def claim(self, kinds: Sequence[str], *, lease: timedelta) -> Job | None:
        """The oldest job that waits or whose lease has passed; it is this process's until the lease ends."""
        ...

    async def heartbeat(self, job: Job, *, done: int, total: int, lease: timedelta) -> bool:
        """Progress and a new lease; False where the job was taken away meanwhile: stop working on it."""
        ...

    async def finish(self, job: Job) -> None: ...

    async def fail(self, job: Job, code: str, *, retry_after: timedelta | None) -> None:
        """None: for good."""
        ...

    async def job(self, job_id: JobId) -> Job | None: ...

    async def about(self, subject_id: str) -> Job | None:
        """The newest job about a subject."""
        ...
