"""A knowledge base and its collections."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from os import PathLike
from typing import Unpack

from packhouse_connector.asynchronous.document import AsyncDocumentHandle
from packhouse_connector.asynchronous.transport import AsyncTransport
from packhouse_connector.core import document, knowledge_calls
from packhouse_connector.core.knowledge import (
    ChunkLike,
    Collection,
    Filter,
    Inserted,
    KnowledgeBaseState,
    ListOptions,
    Metadata,
    SearchOptions,
    SearchResults,
    Selection,
    StoredChunk,
)
from packhouse_connector.core.knowledge_calls import CollectionCalls, InsertMode, KnowledgeCalls
from packhouse_connector.core.paging import Walk
from packhouse_connector.files import named_file


class AsyncKnowledgeBase:
    """A knowledge base that the key opens. Where it opens several, `AsyncPackhouse.knowledge_base` names one."""

    def __init__(self, transport: AsyncTransport, calls: KnowledgeCalls) -> None:
        self._transport = transport
        self._calls = calls

    async def bases(self) -> Sequence[KnowledgeBaseState]:
        """All knowledge bases that the key opens."""
        return await self._transport.run(knowledge_calls.bases())

    async def collections(self) -> Sequence[Collection]:
        """The collections of this knowledge base; there is always one called `default`."""
        return await self._transport.run(self._calls.collections())

    async def create_collection(self, name: str) -> "AsyncCollectionHandle":
        """A new, empty collection. Raises `Conflict` where there is one of that name."""
        created = await self._transport.run(self._calls.create_collection(name))
        return self.collection(created.name)

    async def delete_collection(self, collection: str) -> None:
        """Deletes a collection, by name or id, with all that is in it."""
        await self._transport.run(self._calls.delete_collection(collection))

    def collection(self, collection: str = "default") -> "AsyncCollectionHandle":
        """A collection, by name or id. Makes no call: whether there is one shows when it is used."""
        return AsyncCollectionHandle(self._transport, self._calls.collection(collection))

    async def search(
        self, text: str, *, collections: Sequence[str] | None = None, **options: Unpack[SearchOptions]
    ) -> SearchResults:
        """The chunks nearest in meaning, best first, from the named collections or else from all."""
        return await self._transport.run(self._calls.search(text, options, collections=collections))

    async def document(self, document_id: str) -> AsyncDocumentHandle:
        """A document by its id."""
        query = self._calls.query
        return AsyncDocumentHandle(
            self._transport, await self._transport.run(document.look(document_id, query)), query=query
        )


class AsyncCollectionHandle:
    """A named part of a knowledge base: put chunks and files in, search, list, delete."""

    def __init__(self, transport: AsyncTransport, calls: CollectionCalls) -> None:
        self._transport = transport
        self._calls = calls

    @property
    def name(self) -> str:
        """The name or id that the collection was asked for by."""
        return self._calls.name

    async def describe(self) -> Collection:
        """Its id, name and number of chunks."""
        return await self._transport.run(self._calls.describe())

    async def insert(self, *chunks: ChunkLike | Iterable[ChunkLike]) -> Inserted:
        """Puts chunks in, all of them or none; they are searchable when this returns.

        Chunks are texts or `Chunk` values, one by one or in a list, at most 1,000. An id that is there already
        is replaced.
        """
        return await self._insert("insert", chunks)

    async def replace_objects(self, *chunks: ChunkLike | Iterable[ChunkLike]) -> Inserted:
        """Puts chunks in, in place of all that was there of the objects that they name; each must name one."""
        return await self._insert("replace_objects", chunks)

    async def repopulate(self, *chunks: ChunkLike | Iterable[ChunkLike]) -> Inserted:
        """Puts chunks in, in place of all that was in the collection."""
        return await self._insert("repopulate", chunks)

    async def delete(self, **selection: Unpack[Selection]) -> int:
        """Deletes chunks, chosen by exactly one of `ids`, `object`, `objects`, `document` (an id) and `filter`.

        Returns how many it were. To empty a collection, repopulate it with nothing: a filter that chooses
        all is refused.
        """
        return await self._transport.run(self._calls.delete(selection))

    async def list(self, **options: Unpack[ListOptions]) -> AsyncIterator[StoredChunk]:
        """The chunks that pass `filter`, from `offset` on, at most `limit`; fetched page by page as you go."""
        walk = Walk(options.get("offset", 0), options.get("limit"))
        while (window := walk.window) is not None:
            page = await self._transport.run(self._calls.page(options.get("filter", {}), window))
            walk.took(len(page))
            for one in page:
                yield one

    async def count(self, choice: Filter | None = None) -> int:
        """How many chunks pass the filter; without one, how many there are."""
        return await self._transport.run(self._calls.count(choice or {}))

    async def search(self, text: str, **options: Unpack[SearchOptions]) -> SearchResults:
        """The chunks of this collection nearest in meaning, best first."""
        calls = KnowledgeCalls(self._calls.query)
        return await self._transport.run(calls.search(text, options, collections=(self.name,)))

    async def upload(
        self, file: str | PathLike[str] | bytes, *, name: str | None = None, metadata: Metadata | None = None
    ) -> AsyncDocumentHandle:
        """Puts a file in, from a path or as bytes (then with its `name`); `metadata` goes to all its chunks.

        Returns at once; the file is taken in meanwhile: `(await upload(…)).wait()`.
        """
        data, name = await asyncio.to_thread(named_file, file, name)
        ingestion = await self._transport.run(document.upload(self._calls, data, name=name, metadata=metadata))
        return AsyncDocumentHandle(self._transport, ingestion, query=self._calls.query)

    async def documents(self) -> AsyncIterator[document.Document]:
        """The documents of this collection; fetched page by page as you go."""
        walk = Walk()
        while (window := walk.window) is not None:
            page = await self._transport.run(document.page(self._calls, window))
            walk.took(len(page))
            for one in page:
                yield one

    async def _insert(self, mode: InsertMode, chunks: Iterable[ChunkLike | Iterable[ChunkLike]]) -> Inserted:
        return await self._transport.run(self._calls.insert(mode, chunks))

    def __repr__(self) -> str:
        return "<AsyncCollectionHandle>"
