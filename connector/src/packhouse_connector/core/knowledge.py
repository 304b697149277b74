"""Knowledge bases: what an application puts in and gets out. The calls are `knowledge_calls`'s."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal, TypedDict, overload

import msgspec

from packhouse_connector.core.content import Content
from packhouse_connector.core.usage import Usage

SearchMode = Literal["vector", "keyword", "hybrid"]

Filter = Mapping[str, object]
"""Chooses chunks. `{}` all; `{"lang": "en"}`; `{"lang": ["en", "de"]}` any of them; several keys all hold;
`$and`, `$or` (lists of filters) and `$not` (a filter) combine; `$id`, `$object_id`, `$object_type` and
`$document_id` are the chunk's own fields."""

Metadata = Mapping[str, str | Sequence[str]]
"""Key and value pairs of a chunk; a key may have several values."""


class KnowledgeBaseState(Content, frozen=True):
    """A knowledge base that the key opens: its size and the embeddings model that it is pinned to."""

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "embeddings_model", "chunks")

    id: str
    name: str = ""
    embeddings_model: str = ""
    dimensions: int = 0
    disk_used_bytes: int = 0
    disk_limit_bytes: int = 0
    chunks: int = 0


class Collection(Content, frozen=True):
    """A named part of a knowledge base, with the number of its chunks at that moment."""

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "chunks")

    id: str
    name: str
    created_at: datetime | None = None
    chunks: int = 0


class ObjectRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """The application's own object that a chunk was made from."""

    id: str
    type: str = ""


ObjectLike = str | ObjectRef
"""An object, or just its id."""


class Chunk(Content, frozen=True, omit_defaults=True):
    """A piece of text to put in. `id` is unique in its collection; the gateway makes one where it is left out.

    The metadata keys `sourceUrl` (the link of a reference) and `knowledge` (what the model reads instead of
    `text`) have a meaning of their own.
    """

    text: str
    id: str | None = None
    object: ObjectRef | None = None
    metadata: Mapping[str, str | Sequence[str]] = {}


ChunkLike = str | Chunk
"""A chunk, or just its text."""


class StoredChunk(Content, frozen=True):
    """A chunk as the knowledge base holds it. `page` counts from 1."""

    SHOWN: ClassVar[tuple[str, ...]] = ("document_id", "page")

    id: str
    text: str
    object: ObjectRef | None = None
    document_id: str | None = None
    page: int | None = None
    metadata: Mapping[str, tuple[str, ...]] = {}


class Found(Content, frozen=True):
    """A chunk that a search found. `similarity` is the cosine (-1 to 1), None for a hit by keyword only.

    `score` is what the results are ordered by, best first, whatever its scale.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("similarity", "document_id", "page")

    id: str
    text: str
    collection_id: str = ""
    similarity: float | None = None
    score: float = 0.0
    object: ObjectRef | None = None
    document_id: str | None = None
    page: int | None = None
    metadata: Mapping[str, tuple[str, ...]] = {}
    source_url: str | None = None
    title: str | None = None


class SearchResults(Content, frozen=True):
    """What a search found, best first, as a sequence, and what it consumed at the embeddings model."""

    SHOWN: ClassVar[tuple[str, ...]] = ("usage", "request_id")

    results: tuple[Found, ...]
    usage: Usage = Usage()
    request_id: str | None = None

    @overload
    def __getitem__(self, index: int) -> Found: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Found, ...]: ...
    def __getitem__(self, index: int | slice) -> Found | tuple[Found, ...]:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Found]:
        return iter(self.results)


class Inserted(Content, frozen=True):
    """What an insert did: the number of chunks, their ids in order, and what it consumed."""

    SHOWN: ClassVar[tuple[str, ...]] = ("chunks", "usage", "request_id")

    chunks: int
    ids: tuple[str, ...] = ()
    usage: Usage = Usage()
    request_id: str | None = None


class SearchOptions(TypedDict, total=False):
    """How a search may be narrowed.

    - `max_results`: 1 to 100, 5 where left out
    - `minimum_similarity`: nothing below it is returned
    - `filter`: only chunks that pass it are searched
    - `mode`: `vector` (default), `keyword` (spends nothing) or `hybrid`
    """

    max_results: int
    minimum_similarity: float
    filter: Filter
    mode: SearchMode


class ListOptions(TypedDict, total=False):
    """Which chunks to list: those that pass `filter`, from `offset` on, `limit` at most (all where left out)."""

    filter: Filter
    offset: int
    limit: int


class Selection(TypedDict, total=False):
    """Which chunks to delete, by exactly one of these."""

    ids: Sequence[str]
    object: ObjectLike
    objects: Sequence[ObjectLike]
    document: str
    filter: Filter
