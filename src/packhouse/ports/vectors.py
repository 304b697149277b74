"""What we need from a vector engine: an isolated store for each knowledge base."""

from collections.abc import Sequence
from typing import Protocol

from packhouse.domain.knowledge import (
    Chunk,
    Collection,
    EmbeddedChunk,
    Filter,
    Found,
    KnowledgeDocument,
    KnowledgeSize,
    Metadata,
)
from packhouse.domain.units import CollectionId, DocumentId, ResourceId


class Collections(Protocol):
    async def create_collection(self, collection: Collection) -> None:
        """Refused(conflict) where the id or the name exists."""
        ...

    async def collections(self) -> list[Collection]:
        """By name; `chunks` is the current count."""
        ...

    async def delete_collection(self, collection_id: CollectionId) -> None:
        """With its chunks, documents and staged files; deleting what is gone is fine."""
        ...


class Chunks(Protocol):
    """What is written is seen by the next call, in every process. Writes are whole or not at all.

    Unknown collection: Refused(not_found). Wrong dimensions or a zero vector: Refused(vector_invalid).
    """

    async def put(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        """Insert, or replace where the chunk's id exists. Within one call the last of an id wins."""
        ...

    async def replace_objects(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        """As `put`, and the other chunks of every object named by `chunks` are gone."""
        ...

    async def repopulate(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        """The collection holds just these chunks."""
        ...

    async def delete(self, collection_id: CollectionId, chosen: Filter) -> int:
        """How many went."""
        ...

    async def relabel(self, collection_id: CollectionId, chosen: Filter, *, metadata: Metadata) -> None:
        """Those chunks get this metadata in the place of theirs; their vectors stay."""
        ...

    async def count(self, collection_id: CollectionId, chosen: Filter) -> int: ...

    async def select(self, collection_id: CollectionId, chosen: Filter, *, offset: int, limit: int) -> list[Chunk]:
        """A stable order: by document id, ordinal, id."""
        ...

    async def nearest(
        self,
        collection_ids: Sequence[CollectionId],
        vector: bytes,
        *,
        chosen: Filter,
        max_results: int,
        minimum_similarity: float,
    ) -> list[Found]:
        """The best of what passes the filter, by cosine, best first; never fewer by accident."""
        ...

    async def keyword(
        self, collection_ids: Sequence[CollectionId], text: str, *, chosen: Filter, max_results: int
    ) -> list[Found]:
        """By BM25 or what the engine has like it, best first; `similarity` is None."""
        ...


class Documents(Protocol):
    """Files in work and files done. A staged file lies in the knowledge base's own storage."""

    async def put_document(self, document: KnowledgeDocument) -> None:
        """Insert or replace by id."""
        ...

    async def add_document(self, document: KnowledgeDocument) -> bool:
        """Insert; False, and nothing done, where its collection has a document of the same digest already.

        Of several that are added at once, in whatever process, one is.
        """
        ...

    async def update_document(self, document: KnowledgeDocument) -> bool:
        """Its state, chunks, metadata and failure; False, and nothing done, where the record was deleted meanwhile."""
        ...

    async def document(self, document_id: DocumentId) -> KnowledgeDocument | None: ...

    async def documents(self, collection_id: CollectionId, *, offset: int, limit: int) -> list[KnowledgeDocument]:
        """Newest first."""
        ...

    async def document_by_digest(self, collection_id: CollectionId, digest: str) -> KnowledgeDocument | None: ...

    async def delete_document(self, document_id: DocumentId) -> None:
        """The record and the staged file; its chunks are deleted by filter before."""
        ...

    async def stage(self, document_id: DocumentId, data: bytes) -> None:
        """Keep the file's bytes until `unstage`."""
        ...

    async def staged(self, document_id: DocumentId) -> bytes | None: ...

    async def unstage(self, document_id: DocumentId) -> None: ...


class KnowledgeStore(Collections, Chunks, Documents, Protocol):
    """One knowledge base's storage."""

    async def disk_bytes(self) -> int:
        """What it takes on disk now."""
        ...


class KnowledgeSizes(Protocol):
    async def size(self, resource_id: ResourceId) -> KnowledgeSize:
        """What a knowledge base holds, in numbers: for those who may not look into it. Nothing where there is none."""
        ...


class VectorEngine(Protocol):
    async def open(self, resource_id: ResourceId, dimensions: int) -> KnowledgeStore:
        """The store of a knowledge base, made on first use. `dimensions` must be what it was made with."""
        ...

    async def erase(self, resource_id: ResourceId) -> None:
        """Everything of that knowledge base, at once and for good; erasing what is gone is fine."""
        ...

    async def close(self) -> None: ...
