"""Knowledge bases: collections, chunks, documents, and the filters that choose among chunks."""

from datetime import datetime
from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.units import CollectionId, DocumentId

DEFAULT_COLLECTION = "default"
"""The name of the collection that every knowledge base starts with."""

DISK_BYTES_MAX = 10 * 1024**3
"""What the Standard plan holds."""

SOURCE_URL = "sourceUrl"
"""The metadata key whose value is the link of a reference."""

KNOWLEDGE = "knowledge"
"""The metadata key whose value is handed to the model instead of the searched text."""


Metadata = tuple[tuple[str, str], ...]
"""Key and value pairs; a key may come more than once."""


class Collection(msgspec.Struct, frozen=True):
    id: CollectionId
    name: str
    created_at: datetime
    chunks: int = 0


class KnowledgeSize(msgspec.Struct, frozen=True):
    """What a knowledge base holds now."""

    chunks: int = 0
    disk_bytes: int = 0


class ObjectRef(msgspec.Struct, frozen=True):
    """The application's own object that a chunk was made from."""

    id: str
    type: str = ""


class Chunk(Content, frozen=True, kw_only=True):
    """One piece of text. `id` is human-readable and unique in its collection.

    `metadata` holds key and value pairs; a key may come more than once. `page` counts from 1. `ordinal` is
    the chunk's place in its document.
    """

    id: str
    text: str
    object: ObjectRef | None = None
    document_id: DocumentId | None = None
    ordinal: int = 0
    page: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    def first(self, key: str) -> str | None:
        """The first value of a metadata key."""
        return next((value for name, value in self.metadata if name == key), None)


class EmbeddedChunk(Content, frozen=True):
    """A chunk with its vector: float32, little-endian bytes."""

    chunk: Chunk
    vector: bytes


class Found(Content, frozen=True):
    """A chunk that a search found. `similarity` is the cosine (-1 to 1); None for a keyword-only hit.

    `score` orders the results of the search that was asked for, best first, whatever its scale.
    """

    collection_id: CollectionId
    chunk: Chunk
    similarity: float | None
    score: float


# Filters: a tree that every engine translates. Values are compared as exact strings.
FilterField = Literal["id", "object_id", "object_type", "document_id"]


class MetadataIs(msgspec.Struct, frozen=True, tag="metadata"):
    """The chunk has `key` with one of `values`."""

    key: str
    values: tuple[str, ...]


class FieldIs(msgspec.Struct, frozen=True, tag="field"):
    """The chunk's own field is one of `values`."""

    field: FilterField
    values: tuple[str, ...]


class All(msgspec.Struct, frozen=True, tag="all"):
    """Every part holds; with no part: every chunk."""

    parts: tuple["Filter", ...] = ()


class AnyOf(msgspec.Struct, frozen=True, tag="any"):
    """At least one part holds; with no part: no chunk."""

    parts: tuple["Filter", ...] = ()


class Not(msgspec.Struct, frozen=True, tag="not"):
    part: "Filter"


Filter = MetadataIs | FieldIs | All | AnyOf | Not

EVERYTHING = All()

DocumentState = Literal["waiting", "running", "done", "failed"]


class KnowledgeDocument(Content, frozen=True, kw_only=True):
    """A file that was put into a collection. `digest` is the SHA-256 of its bytes, in hex.

    `failure` is the code of the refusal that ended its ingestion, `failure_message` its sentence.
    """

    id: DocumentId
    collection_id: CollectionId
    name: str
    media_type: str
    digest: str
    size_bytes: int
    state: DocumentState
    created_at: datetime
    chunks: int = 0
    failure: str = ""
    failure_message: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
