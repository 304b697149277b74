"""Documents: files that a knowledge base takes in, and how far it is with them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from string import punctuation
from typing import ClassVar, Literal
from urllib.parse import quote

import msgspec

from packhouse_connector.core.call import Call, Operation, delete, get, reader
from packhouse_connector.core.content import Content
from packhouse_connector.core.knowledge_calls import CollectionCalls, Query, segment
from packhouse_connector.core.paging import Window
from packhouse_connector.core.response import Response
from packhouse_connector.errors import DocumentFailed, Problem, WaitOver

State = Literal["waiting", "running", "done", "failed"]


class Document(Content, frozen=True):
    """A file in a collection, as it was at that moment.

    `state` goes from `waiting` over `running` to `done` or `failed`; `failure` is then the stable code of the
    reason and `failure_message` its sentence. `chunks` is how many the file became.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "state", "size_bytes", "chunks")

    id: str
    collection_id: str = ""
    name: str = ""
    state: State = "waiting"
    size_bytes: int = 0
    chunks: int = 0
    failure: str | None = None
    failure_message: str | None = None
    created_at: datetime | None = None
    metadata: Mapping[str, tuple[str, ...]] = {}


class Progress(msgspec.Struct, frozen=True):
    """How far an ingestion is: `done` of `total` chunks; `total` is 0 while it is not known yet."""

    state: State = "waiting"
    done: int = 0
    total: int = 0

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        if self.state == "done":
            return 1.0
        return self.done / self.total if self.total else 0.0


class Ingestion(Content, frozen=True):
    """A document and the job that takes it in. `duplicate`: the same bytes were in the collection already."""

    document: Document
    job: Progress | None = None
    duplicate: bool = False

    @property
    def progress(self) -> Progress:
        job = self.job or Progress(done=self.document.chunks, total=self.document.chunks)
        return Progress(self.document.state, job.done, job.total)

    @property
    def over(self) -> bool:
        """Whether the document is in. Raises `DocumentFailed` where it will never be."""
        if self.document.state == "failed":
            raise DocumentFailed(_failure(self.document))
        return self.document.state == "done"


class _Documents(msgspec.Struct):
    documents: tuple[Document, ...]


_ingestion = reader(Ingestion)
_documents = reader(_Documents)
_encoder = msgspec.json.Encoder()
_PLAIN = punctuation.replace("%", "")


def upload(
    collection: CollectionCalls, data: bytes, *, name: str, metadata: Mapping[str, str | Sequence[str]] | None
) -> Operation[Ingestion]:
    """Puts a file in. Safe to retry, because the same bytes are recognised.

    Name and metadata travel in headers: addresses are logged on the way.
    """
    about = () if metadata is None else (("x-packhouse-metadata", _encoded(_encoder.encode(metadata).decode())),)
    call = Call(
        method="POST",
        path=f"{collection.path}/documents",
        query=collection.query,
        headers=(("content-type", "application/octet-stream"), ("x-packhouse-file-name", _encoded(name)), *about),
        body=data,
        safe_to_retry=True,
    )
    return Operation(call, _ingestion)


def _encoded(text: str) -> str:
    """For a header: percent-encoded where a letter is none of ASCII's, so that JSON stays short."""
    return quote(text, safe=_PLAIN)


def page(collection: CollectionCalls, window: Window) -> Operation[tuple[Document, ...]]:
    """A page of the collection's documents."""
    query = (("offset", str(window.offset)), ("limit", str(window.limit)), *collection.query)
    return Operation(get(f"{collection.path}/documents", query), lambda response: _documents(response).documents)


def look(document_id: str, query: Query) -> Operation[Ingestion]:
    """The document and its job as they are now."""
    return Operation(get(_path(document_id), query), _ingestion)


def remove(document_id: str, query: Query) -> Operation[None]:
    """Deletes the document with its chunks."""
    return Operation(delete(_path(document_id), query), _nothing)


def _path(document_id: str) -> str:
    return f"/v1/knowledge/documents/{segment(document_id)}"


def _nothing(_: Response) -> None:
    return None


def pauses_seconds() -> Iterator[float]:
    """How long to wait between looks: short at first, a second in the end."""
    pause = 0.05
    while True:
        yield pause
        pause = min(1.0, pause * 1.5)


def wait_over(ingestion: Ingestion, timeout_seconds: float) -> WaitOver:
    """The error for a wait that ended before the ingestion did."""
    progress = ingestion.progress
    return WaitOver(
        Problem(
            code="wait_over",
            message=f"The document was not in after {timeout_seconds:g} seconds; its ingestion goes on.",
            facts={"state": progress.state, "done": progress.done, "total": progress.total},
        )
    )


def _failure(document: Document) -> Problem:
    return Problem(
        code=document.failure or "document_failed",
        message=document.failure_message or "The document could not be taken in.",
        facts={"document_id": document.id},
    )
