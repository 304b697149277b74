"""What the knowledge API reads and writes. Names are the wire's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.knowledge import DocumentState, ObjectRef
from packhouse.domain.units import ModelTokens
from packhouse.ports.jobs import JobState

Metadata = dict[str, str | list[str]]


class InCollection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class InObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    type: str | None = None


class InChunk(Content, frozen=True, forbid_unknown_fields=True):
    text: str
    id: str = ""
    object: InObject | None = None
    metadata: Metadata = msgspec.field(default_factory=dict[str, str | list[str]])


class InChunks(Content, frozen=True, forbid_unknown_fields=True):
    chunks: list[InChunk]
    mode: Literal["insert", "replace_objects", "repopulate"] = "insert"


class InQuery(Content, frozen=True, forbid_unknown_fields=True):
    filter: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    offset: int = 0
    limit: int = 100


class InDeletion(Content, frozen=True, forbid_unknown_fields=True):
    ids: list[str] | None = None
    object: InObject | None = None
    objects: list[InObject] | None = None
    document_id: str | None = None
    filter: dict[str, Any] | None = None


class InSearch(Content, frozen=True, forbid_unknown_fields=True):
    text: str
    collections: list[str] = msgspec.field(default_factory=list[str])
    max_results: int = 5
    minimum_similarity: float = -1.0
    filter: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    mode: Literal["vector", "keyword", "hybrid"] = "vector"


class OutUsage(msgspec.Struct, frozen=True):
    input_tokens: int


class OutBase(msgspec.Struct, frozen=True):
    id: str
    name: str
    embeddings_model: str
    dimensions: int
    disk_used_bytes: int
    disk_limit_bytes: int
    chunks: int


class OutBases(msgspec.Struct, frozen=True):
    resources: list[OutBase]


class OutCollection(msgspec.Struct, frozen=True):
    id: str
    name: str
    created_at: datetime
    chunks: int


class OutCollections(msgspec.Struct, frozen=True):
    collections: list[OutCollection]


class OutInserted(msgspec.Struct, frozen=True):
    chunks: int
    ids: tuple[str, ...]
    usage: OutUsage


class OutChunk(Content, frozen=True, kw_only=True):
    id: str
    text: str
    object: ObjectRef | None
    document_id: str | None
    page: int | None
    metadata: Mapping[str, list[str]]


class OutChunks(Content, frozen=True):
    chunks: list[OutChunk]
    total: int


class OutDeleted(msgspec.Struct, frozen=True):
    deleted: int


class OutFound(Content, frozen=True, kw_only=True):
    collection_id: str
    id: str
    text: str
    similarity: float | None
    score: float
    object: ObjectRef | None
    document_id: str | None
    page: int | None
    metadata: Mapping[str, list[str]]
    title: str | None
    source_url: str | None


class OutSearched(Content, frozen=True):
    results: list[OutFound]
    usage: OutUsage


class OutDocument(Content, frozen=True, kw_only=True):
    id: str
    collection_id: str
    name: str
    state: DocumentState
    size_bytes: int
    chunks: int
    failure: str | None
    failure_message: str | None
    created_at: datetime
    metadata: Mapping[str, list[str]]


class OutJob(msgspec.Struct, frozen=True):
    id: str
    state: JobState
    done: int
    total: int


class OutIngestion(Content, frozen=True):
    document: OutDocument
    job: OutJob | None
    duplicate: bool = False
    updated: bool = False


class OutDocuments(Content, frozen=True):
    documents: list[OutDocument]


def usage(tokens: ModelTokens) -> OutUsage:
    return OutUsage(tokens.total)
