"""Between the wire of the knowledge API and the domain."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import (
    SOURCE_URL,
    All,
    AnyOf,
    Chunk,
    Collection,
    FieldIs,
    Filter,
    Found,
    KnowledgeDocument,
    ObjectRef,
)
from packhouse.domain.knowledge_filter import decode_filter, parse_filter
from packhouse.entrypoints.gateway.http import Request
from packhouse.entrypoints.gateway.knowledge.wire import (
    InChunk,
    InDeletion,
    InObject,
    OutChunk,
    OutCollection,
    OutDocument,
    OutFound,
    OutIngestion,
    OutJob,
)
from packhouse.services.document import Ingestion

PAGE_MAX = 1_000


class Query:
    """The query string of a request; an unknown or doubled parameter is refused by name."""

    def __init__(self, request: Request, *known: str) -> None:
        self._values = dict[str, str]()
        for name, value in parse_qsl(request.query, keep_blank_values=True):
            if name not in known or name in self._values:
                what = "given twice" if name in self._values else "unknown"
                raise Refused(
                    "invalid_request", f"The parameter `{name}` is {what}; there are: {', '.join(known)}.", field=name
                )
            self._values[name] = value

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, default)

    def whole(self, name: str, default: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit():
            raise Refused("invalid_request", f"`{name}` must be a whole number from 0 on.", field=name)
        return int(value)

    def filter(self) -> Filter:
        value = self._values.get("filter")
        return decode_filter(value) if value else All()


def page(offset: int, limit: int) -> tuple[int, int]:
    """Refused(invalid_request) outside of what one answer may hold."""
    if offset < 0 or not 1 <= limit <= PAGE_MAX:
        raise Refused("invalid_request", f"`offset` is at least 0 and `limit` from 1 to {PAGE_MAX:,}.", field="limit")
    return offset, limit


def pairs(metadata: Mapping[str, str | list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, value) for key, values in metadata.items() for value in ([values] if isinstance(values, str) else values)
    )


def grouped(metadata: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    groups = dict[str, list[str]]()
    for key, value in metadata:
        groups.setdefault(key, []).append(value)
    return groups


def chunk_of(chunk: InChunk) -> Chunk:
    object_ = ObjectRef(chunk.object.id, chunk.object.type or "") if chunk.object is not None else None
    return Chunk(id=chunk.id, text=chunk.text, object=object_, metadata=pairs(chunk.metadata))


def chosen_of(deletion: InDeletion) -> Filter:
    """What is to be deleted: exactly one way of saying it."""
    given = [name for name in deletion.__struct_fields__ if getattr(deletion, name) is not None]
    if len(given) != 1:
        raise Refused("invalid_request", "Give exactly one of `ids`, `object`, `objects`, `document_id` and `filter`.")
    if deletion.ids is not None:
        return FieldIs("id", tuple(deletion.ids))
    if deletion.document_id is not None:
        return FieldIs("document_id", (deletion.document_id,))
    if deletion.filter is not None:
        return parse_filter(deletion.filter)
    objects = deletion.objects if deletion.objects is not None else [deletion.object]
    return AnyOf(tuple(_object(each) for each in objects if each is not None))


def _object(chosen: InObject) -> Filter:
    """An object is its id and its type; one without a type is the one whose type is empty, as in an insert."""
    return All((FieldIs("object_id", (chosen.id,)), FieldIs("object_type", (chosen.type or "",))))


def out_collection(collection: Collection) -> OutCollection:
    return OutCollection(collection.id, collection.name, collection.created_at, collection.chunks)


def out_chunk(chunk: Chunk) -> OutChunk:
    return OutChunk(
        id=chunk.id,
        text=chunk.text,
        object=chunk.object,
        document_id=chunk.document_id,
        page=chunk.page,
        metadata=grouped(chunk.metadata),
    )


def out_found(found: Found) -> OutFound:
    chunk = found.chunk
    return OutFound(
        collection_id=found.collection_id,
        id=chunk.id,
        text=chunk.text,
        similarity=found.similarity,
        score=found.score,
        object=chunk.object,
        document_id=chunk.document_id,
        page=chunk.page,
        metadata=grouped(chunk.metadata),
        title=chunk.first("title"),
        source_url=chunk.first(SOURCE_URL),
    )


def out_document(document: KnowledgeDocument) -> OutDocument:
    return OutDocument(
        id=document.id,
        collection_id=document.collection_id,
        name=document.name,
        state=document.state,
        size_bytes=document.size_bytes,
        chunks=document.chunks,
        failure=document.failure or None,
        failure_message=document.failure_message or None,
        created_at=document.created_at,
        metadata=grouped(document.metadata),
    )


def out_ingestion(ingestion: Ingestion) -> OutIngestion:
    job = ingestion.job
    return OutIngestion(
        out_document(ingestion.document),
        OutJob(job.id, job.state, job.done, job.total) if job is not None else None,
        ingestion.duplicate,
        ingestion.updated,
    )
