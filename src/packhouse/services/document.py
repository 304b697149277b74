"""Documents of a knowledge base: a file is staged and a job enqueued; the worker ingests it."""

import hashlib

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import FieldIs, KnowledgeDocument, Metadata
from packhouse.domain.units import DocumentId
from packhouse.ports.jobs import Job, Jobs
from packhouse.ports.outside import Clock, Ids
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases, refuse_if_full
from packhouse.services.naming import check_metadata

INGEST = "ingest"
"""The kind of job that takes a document in."""

NAME_CHARACTERS_MAX = 255
GROWTH = 4
"""A file may take so many times its size once it is split and embedded."""


class NewFile(Content, frozen=True):
    """A file as it came in."""

    name: str
    media_type: str
    data: bytes
    metadata: tuple[tuple[str, str], ...] = ()


class Ingestion(Content, frozen=True):
    """A document with the job that takes it in, None where it was done long ago.

    `duplicate`: its bytes were there already; `updated`: with other metadata, which it and its chunks have now.
    """

    document: KnowledgeDocument
    job: Job | None
    duplicate: bool = False
    updated: bool = False


class Documents:
    """What can be done with documents."""

    def __init__(self, bases: KnowledgeBases, jobs: Jobs, *, clock: Clock, ids: Ids) -> None:
        self._bases = bases
        self._jobs = jobs
        self._clock = clock
        self._ids = ids

    async def upload(self, base: KnowledgeBase, collection: str, *, file: NewFile) -> Ingestion:
        """Takes a file in. The same bytes again in a collection are recognised, and taken again only where
        they failed before, or where a process died between taking them and enqueuing the job. Metadata that comes
        with them replaces what the document had; without any it keeps what it has.

        Refused: invalid_request, document_type, document_empty, disk_full; conflict where a document that is still
        being taken in comes with other metadata.
        """
        place = await self._bases.collection(base, collection)
        _check(file)
        digest = hashlib.sha256(file.data).hexdigest()
        known = await base.store.document_by_digest(place.id, digest)
        if known is not None:
            job = await self._jobs.about(known.id)
            if known.state == "done" or (known.state != "failed" and _works(job)):
                return await self._again(base, Ingestion(known, job, duplicate=True), file=file)
        await refuse_if_full(base, len(file.data) * GROWTH)
        document = KnowledgeDocument(
            id=known.id if known is not None else DocumentId(self._ids.new("doc")),
            collection_id=place.id,
            name=file.name,
            media_type=file.media_type,
            digest=digest,
            size_bytes=len(file.data),
            state="waiting",
            created_at=self._clock.now(),
            metadata=file.metadata,
        )
        # The record first: whatever a process that dies in between leaves is found again by its digest.
        if known is not None:
            await base.store.put_document(document)
        elif not await base.store.add_document(document):  # the same bytes came at the same time, and were quicker
            return await self.upload(base, place.id, file=file)
        await base.store.stage(document.id, file.data)
        job = await self._jobs.enqueue(kind=INGEST, resource_id=base.pack.id, subject_id=document.id)
        return Ingestion(document, job)

    async def _again(self, base: KnowledgeBase, there: Ingestion, *, file: NewFile) -> Ingestion:
        known = there.document
        if not file.metadata or file.metadata == known.metadata:
            return there
        if known.state != "done":
            raise Refused(
                "conflict",
                "This file is being taken in with other metadata. Upload it again when that is done, to change it.",
            )
        changed = msgspec.structs.replace(known, metadata=file.metadata)
        chosen = FieldIs("document_id", (known.id,))
        # The chunks first: whoever dies in between finds the document as it was, and does it again.
        await base.store.relabel(known.collection_id, chosen, metadata=chunk_metadata(changed))
        await base.store.update_document(changed)
        return msgspec.structs.replace(there, document=changed, updated=True)

    async def list(self, base: KnowledgeBase, collection: str, *, offset: int, limit: int) -> list[KnowledgeDocument]:
        """Newest first."""
        place = await self._bases.collection(base, collection)
        return await base.store.documents(place.id, offset=offset, limit=limit)

    async def get(self, base: KnowledgeBase, document_id: str) -> Ingestion:
        """Refused(not_found)."""
        document = await base.store.document(DocumentId(document_id))
        if document is None:
            raise Refused("not_found", f"There is no document {document_id} in this knowledge base.")
        return Ingestion(document, await self._jobs.about(document.id))

    async def delete(self, base: KnowledgeBase, document_id: str) -> None:
        """The document with its chunks. A job that works on it finds nothing more to do."""
        document = (await self.get(base, document_id)).document
        await base.store.delete_document(document.id)
        await base.store.delete(document.collection_id, FieldIs("document_id", (document.id,)))


def chunk_metadata(document: KnowledgeDocument) -> Metadata:
    """What its chunks have: the document's own, and its name as a title where that says none."""
    titled = any(key == "title" for key, _ in document.metadata)
    return document.metadata if titled else (*document.metadata, ("title", document.name))


def _works(job: Job | None) -> bool:
    return job is not None and job.state in {"waiting", "running"}


def _check(file: NewFile) -> None:
    if not file.name or len(file.name) > NAME_CHARACTERS_MAX or not file.name.isprintable():
        raise Refused(
            "invalid_request",
            f"Name the file with 1 to {NAME_CHARACTERS_MAX} printable characters.",
            field="name",
        )
    check_metadata(file.metadata, "metadata")
    if not file.data:
        raise Refused("document_empty", "The file has no bytes. Send it as the body of the request.")
