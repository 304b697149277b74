"""The job that takes a document in: extract, split, embed, index; durable, and resumed where it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Chunk, FieldIs, KnowledgeDocument
from packhouse.domain.units import DocumentId
from packhouse.ports.documents import Extractor, Passage, Splitter
from packhouse.ports.jobs import Job, Jobs
from packhouse.ports.meter import Meter
from packhouse.services.chunk import Chunks, bytes_of
from packhouse.services.document import chunk_metadata
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases, refuse_if_full
from packhouse.services.unstaging import unstage_later

LEASE = timedelta(seconds=30)
BATCH = 16
"""Chunks that are embedded and indexed between two reports of progress: what a killed worker does again."""

RETRIED = {
    "unavailable": timedelta(seconds=5),
    "provider_unreachable": timedelta(seconds=10),
    "provider_timeout": timedelta(seconds=10),
    "provider_throttled": timedelta(seconds=20),
    "provider_failed": timedelta(seconds=20),
    "provider_cut": timedelta(seconds=10),
}
"""Refusals that may pass by themselves, and how long to wait."""
ATTEMPTS_MAX = 20
"""Attempts that a killed worker broke off count too."""


class TakenAway(Exception):
    """The job's lease went to another worker, or its document was deleted: there is nothing more to do here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How documents are read: by what, and into passages of which length."""

    extractor: Extractor
    splitter: Splitter
    size_characters: int
    overlap_characters: int

    async def passages(self, data: bytes, document: KnowledgeDocument) -> list[Passage]:
        pages = await self.extractor.extract(data, name=document.name, media_type=document.media_type)
        return await self.splitter.split(
            pages, size_characters=self.size_characters, overlap_characters=self.overlap_characters
        )


class Ingest:
    """Works on jobs of the kind `ingest`."""

    def __init__(
        self,
        bases: KnowledgeBases,
        chunks: Chunks,
        *,
        jobs: Jobs,
        meter: Meter,
        reading: Reading,
    ) -> None:
        self._bases = bases
        self._chunks = chunks
        self._jobs = jobs
        self._meter = meter
        self._reading = reading

    async def run(self, job: Job) -> None:
        """Until the document is in, has failed, or waits for another attempt."""
        try:
            base = await self._bases.unasked(job.resource_id, self._meter)
            await self._ingest(base, job)
        except TakenAway:
            return
        except Refused as refused:
            await self._failed(job, refused)

    async def give_up(self, job: Job) -> None:
        """Says in the document that its ingestion broke for good; ending the job is left to who calls this."""
        message = "Something broke inside Packhouse while the file was taken in. The operator finds it in the log."
        await self._record(job, Refused("internal", message))

    async def _ingest(self, base: KnowledgeBase, job: Job) -> None:
        document = await self._document(base, job)
        data = await base.store.staged(document.id)
        if data is None:
            if document.state == "done":  # killed between the last batch and the end of the job
                await self._jobs.finish(job)
                return
            raise Refused("document_unreadable", "The uploaded file is not there any more. Upload it again.")
        passages = await self._reading.passages(data, document)
        chunks = [chunk_of(document, ordinal, passage=passage) for ordinal, passage in enumerate(passages)]
        await self._index(base, job, document=document, chunks=chunks)
        done = msgspec.structs.replace(document, state="done", chunks=len(chunks), failure="", failure_message="")
        if not await base.store.update_document(done):
            await self._left_behind(base, job, document=document)
        await base.store.unstage(document.id)
        await self._jobs.finish(job)

    async def _index(
        self, base: KnowledgeBase, job: Job, *, document: KnowledgeDocument, chunks: Sequence[Chunk]
    ) -> None:
        """Batch by batch; what an earlier attempt indexed is not embedded again."""
        there = await self._indexed(base, document)
        missing = [chunk for chunk in chunks if there.get(chunk.id) != chunk]
        stale = there.keys() - {chunk.id for chunk in chunks}  # an earlier attempt split into more
        if stale:
            await base.store.delete(document.collection_id, FieldIs("id", tuple(stale)))
        await refuse_if_full(base, bytes_of(missing, base.dimensions))
        done = len(chunks) - len(missing)
        await self._progress(job, done, total=len(chunks))
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            embedded, _ = await self._chunks.embed(base, batch)
            await base.store.put(document.collection_id, embedded)
            if await base.store.document(document.id) is None:
                await self._left_behind(base, job, document=document)
            self._chunks.count(base, batch)
            done += len(batch)
            await self._progress(job, done, total=len(chunks))

    async def _indexed(self, base: KnowledgeBase, document: KnowledgeDocument) -> dict[str, Chunk]:
        mine = _of(document)
        total = await base.store.count(document.collection_id, mine)
        chunks = await base.store.select(document.collection_id, mine, offset=0, limit=total)
        return {chunk.id: chunk for chunk in chunks}

    async def _document(self, base: KnowledgeBase, job: Job) -> KnowledgeDocument:
        document = await base.store.document(DocumentId(job.subject_id))
        if document is None:
            for collection in await base.store.collections():
                await base.store.delete(collection.id, FieldIs("document_id", (job.subject_id,)))
            await self._jobs.finish(job)
            raise TakenAway
        if document.state != "done":
            await base.store.update_document(msgspec.structs.replace(document, state="running"))
        return document

    async def _left_behind(self, base: KnowledgeBase, job: Job, *, document: KnowledgeDocument) -> NoReturn:
        """A document that was deleted meanwhile must not come back by its last batch."""
        await base.store.delete(document.collection_id, _of(document))
        await base.store.unstage(document.id)
        await self._jobs.finish(job)
        raise TakenAway

    async def _progress(self, job: Job, done: int, *, total: int) -> None:
        if not await self._jobs.heartbeat(job, done=done, total=total, lease=LEASE):
            raise TakenAway

    async def _failed(self, job: Job, refused: Refused) -> None:
        wait = RETRIED.get(refused.code)
        if wait is not None and job.attempts < ATTEMPTS_MAX:
            await self._jobs.fail(job, refused.code, retry_after=wait)
            return
        await self._record(job, refused)
        await self._jobs.fail(job, refused.code, retry_after=None)

    async def _record(self, job: Job, refused: Refused) -> None:
        """In the document, before the job ends: whoever is killed in between does it again."""
        await unstage_later(self._jobs, job)
        try:
            base = await self._bases.unasked(job.resource_id, self._meter)
        except Refused:  # the knowledge base itself is gone; its records went with it
            return
        document = await base.store.document(DocumentId(job.subject_id))
        if document is not None:
            await base.store.update_document(
                msgspec.structs.replace(document, state="failed", failure=refused.code, failure_message=refused.message)
            )


def _of(document: KnowledgeDocument) -> FieldIs:
    return FieldIs("document_id", (document.id,))


def chunk_of(document: KnowledgeDocument, ordinal: int, *, passage: Passage) -> Chunk:
    """Always the same chunk for the same passage, so that indexing it twice changes nothing."""
    return Chunk(
        id=f"{document.id}-{ordinal:05d}",
        text=passage.text,
        document_id=document.id,
        ordinal=ordinal,
        page=passage.page,
        metadata=chunk_metadata(document),
    )
