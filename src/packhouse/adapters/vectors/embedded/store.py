"""One knowledge base in its directory: every call hops into a thread, and writes are followed by upkeep."""

import asyncio
from collections.abc import Callable, Sequence
from heapq import nsmallest
from pathlib import Path

from packhouse.adapters.vectors.embedded.catalog import CollectionList, DocumentList, Listed
from packhouse.adapters.vectors.embedded.catalog_file import CatalogFile
from packhouse.adapters.vectors.embedded.chunks import ChunkTables
from packhouse.adapters.vectors.embedded.durable import disk_bytes
from packhouse.adapters.vectors.embedded.lance import Lance
from packhouse.adapters.vectors.embedded.routing import Tuning
from packhouse.adapters.vectors.embedded.searches import Searches, by_rank
from packhouse.adapters.vectors.embedded.staging import Staging
from packhouse.adapters.vectors.embedded.tables import Tables
from packhouse.adapters.vectors.embedded.threads import Threads
from packhouse.adapters.vectors.embedded.tidy import Tidier
from packhouse.adapters.vectors.embedded.upkeep import Upkeep
from packhouse.domain.knowledge import (
    Chunk,
    Collection,
    EmbeddedChunk,
    Filter,
    Found,
    KnowledgeDocument,
    Metadata,
)
from packhouse.domain.units import CollectionId, DocumentId


class EmbeddedKnowledgeStore:
    """Opening makes the directory and its catalog: blocking, for a thread. Refused(conflict) on other dimensions."""

    def __init__(
        self, directory: Path, dimensions: int, *, threads: Threads, lance: Callable[[], Lance], tuning: Tuning
    ) -> None:
        self._directory = directory
        self._threads = threads
        self._file = CatalogFile(directory, dimensions)
        self._collections = CollectionList(self._file)
        self._documents = DocumentList(self._file)
        self._staging = Staging(directory / "staged")
        self._tables = Tables(directory, dimensions, lance=lance)
        self._chunks = ChunkTables(self._tables, self._collections)
        self._searches = Searches(self._chunks, dimensions, tuning=tuning)
        self._tidier = Tidier(self._tables, self._chunks, collections=self._collections, tuning=tuning)
        self.upkeep = Upkeep(self._tidier)
        self.dimensions = dimensions

    @property
    def erased(self) -> bool:
        """Its directory is gone, or is another's by now."""
        return self._file.erased

    async def close(self) -> None:
        await self.upkeep.close()
        await self.rest()

    async def rest(self) -> None:
        """Gives back what being open takes; the next call opens it again."""
        await self._threads.run("lists", self._file.rest)
        self._tables.rest()

    # collections

    async def create_collection(self, collection: Collection) -> None:
        await self._threads.run("lists", self._collections.create, collection)

    async def collections(self) -> list[Collection]:
        listed = await self._threads.run("lists", self._collections_listed)
        stale = [each.collection.id for each, chunks in listed if chunks is None]
        counts = dict(zip(stale, await asyncio.gather(*map(self._counted, stale)), strict=True))
        return [_with_count(each.collection, counts.get(each.collection.id, chunks)) for each, chunks in listed]

    async def delete_collection(self, collection_id: CollectionId) -> None:
        await self._threads.run("writes", self._delete_collection, collection_id)

    # chunks

    async def put(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        await self._write(collection_id, chunks, write=self._chunks.put)

    async def replace_objects(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        await self._write(collection_id, chunks, write=self._chunks.replace_objects)

    async def repopulate(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        await self._write(collection_id, chunks, write=self._chunks.repopulate)

    async def delete(self, collection_id: CollectionId, chosen: Filter) -> int:
        deleted = await self._threads.run("writes", self._chunks.delete, collection_id, chosen)
        if deleted:
            await self._written(collection_id)
        return deleted

    async def relabel(self, collection_id: CollectionId, chosen: Filter, *, metadata: Metadata) -> None:
        await self._threads.run("writes", self._chunks.relabel, collection_id, chosen, metadata=metadata)
        await self._written(collection_id)

    async def count(self, collection_id: CollectionId, chosen: Filter) -> int:
        return await self._threads.run("reads", self._chunks.count, collection_id, chosen)

    async def select(self, collection_id: CollectionId, chosen: Filter, *, offset: int, limit: int) -> list[Chunk]:
        return await self._threads.run("reads", self._chunks.select, collection_id, chosen, offset=offset, limit=limit)

    async def nearest(
        self,
        collection_ids: Sequence[CollectionId],
        vector: bytes,
        *,
        chosen: Filter,
        max_results: int,
        minimum_similarity: float,
    ) -> list[Found]:
        searches = [
            self._threads.run(
                "reads",
                self._searches.nearest,
                collection_id,
                vector,
                chosen=chosen,
                max_results=max_results,
                minimum_similarity=minimum_similarity,
            )
            for collection_id in dict.fromkeys(collection_ids)
        ]
        return _best(await asyncio.gather(*searches), max_results)

    async def keyword(
        self, collection_ids: Sequence[CollectionId], text: str, *, chosen: Filter, max_results: int
    ) -> list[Found]:
        searches = [
            self._threads.run(
                "reads", self._searches.keyword, collection_id, text, chosen=chosen, max_results=max_results
            )
            for collection_id in dict.fromkeys(collection_ids)
        ]
        return _best(await asyncio.gather(*searches), max_results)

    # documents

    async def put_document(self, document: KnowledgeDocument) -> None:
        await self._threads.run("lists", self._documents.put, document)

    async def add_document(self, document: KnowledgeDocument) -> bool:
        return await self._threads.run("lists", self._documents.add, document)

    async def update_document(self, document: KnowledgeDocument) -> bool:
        return await self._threads.run("lists", self._documents.update, document)

    async def document(self, document_id: DocumentId) -> KnowledgeDocument | None:
        return await self._threads.run("lists", self._documents.one, document_id)

    async def documents(self, collection_id: CollectionId, *, offset: int, limit: int) -> list[KnowledgeDocument]:
        return await self._threads.run("lists", self._documents.page, collection_id, offset=offset, limit=limit)

    async def document_by_digest(self, collection_id: CollectionId, digest: str) -> KnowledgeDocument | None:
        return await self._threads.run("lists", self._documents.by_digest, collection_id, digest)

    async def delete_document(self, document_id: DocumentId) -> None:
        await self._threads.run("lists", self._documents.delete, document_id)
        await self._threads.run("lists", self._staging.unstage, document_id)

    async def stage(self, document_id: DocumentId, data: bytes) -> None:
        await self._threads.run("lists", self._staging.stage, document_id, data)

    async def staged(self, document_id: DocumentId) -> bytes | None:
        return await self._threads.run("lists", self._staging.staged, document_id)

    async def unstage(self, document_id: DocumentId) -> None:
        await self._threads.run("lists", self._staging.unstage, document_id)

    # all

    async def disk_bytes(self) -> int:
        return await self._threads.run("lists", disk_bytes, self._directory)

    def _collections_listed(self) -> list[tuple[Listed, int | None]]:
        """Each with its count, None where that has to be taken from the table: another process wrote."""
        found = list[tuple[Listed, int | None]]()
        for each in self._collections.all():
            version = self._tables.version(each.collection.id)
            known = each.tally is not None and each.tally.version == version
            found.append((each, each.tally.chunks if each.tally and known else None if version else 0))
        return found

    async def _counted(self, collection_id: CollectionId) -> int:
        return await self._threads.run("reads", self._chunks.counted, collection_id)

    def _delete_collection(self, collection_id: CollectionId) -> None:
        if self._collections.exists(collection_id):
            with self._tables.writing(collection_id):
                for document_id in self._collections.delete(collection_id):
                    self._staging.unstage(document_id)
                self._tables.drop(collection_id)

    async def _write(
        self,
        collection_id: CollectionId,
        chunks: Sequence[EmbeddedChunk],
        *,
        write: Callable[[CollectionId, Sequence[EmbeddedChunk]], None],
    ) -> None:
        await self._threads.run("writes", write, collection_id, chunks)
        await self._written(collection_id)

    async def _written(self, collection_id: CollectionId) -> None:
        self.upkeep.written(collection_id, await self._threads.run("lists", self._tidier.commits_since, collection_id))


def _with_count(collection: Collection, chunks: int | None) -> Collection:
    return Collection(collection.id, collection.name, collection.created_at, chunks or 0)


def _best(found: Sequence[Sequence[Found]], max_results: int) -> list[Found]:
    return nsmallest(max_results, (each for some in found for each in some), key=by_rank)
