"""A knowledge base and its collections."""

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Unpack

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
from packhouse_connector.sync.document import DocumentHandle
from packhouse_connector.sync.transport import Transport


class KnowledgeBase:
    """A knowledge base that the key opens. Where it opens several, `Packhouse.knowledge_base` names one."""

    def __init__(self, transport: Transport, calls: KnowledgeCalls) -> None:
        self._transport = transport
        self._calls = calls

    def bases(self) -> Sequence[KnowledgeBaseState]:
        """All knowledge bases that the key opens."""
        return self._transport.run(knowledge_calls.bases())

    def collections(self) -> Sequence[Collection]:
        """The collections of this knowledge base; there is always one called `default`."""
        return self._transport.run(self._calls.collections())

    def create_collection(self, name: str) -> "CollectionHandle":
        """A new, empty collection. Raises `Conflict` where there is one of that name."""
        created = self._transport.run(self._calls.create_collection(name))
        return self.collection(created.name)

    def delete_collection(self, collection: str) -> None:
        """Deletes a collection, by name or id, with all that is in it."""
        self._transport.run(self._calls.delete_collection(collection))

    def collection(self, collection: str = "default") -> "CollectionHandle":
        """A collection, by name or id. Makes no call: whether there is one shows when it is used."""
        return CollectionHandle(self._transport, self._calls.collection(collection))

    def search(
        self, text: str, *, collections: Sequence[str] | None = None, **options: Unpack[SearchOptions]
    ) -> SearchResults:
        """The chunks nearest in meaning, best first, from the named collections or else from all."""
        return self._transport.run(self._calls.search(text, options, collections=collections))

    def document(self, document_id: str) -> DocumentHandle:
        """A document by its id."""
        query = self._calls.query
        return DocumentHandle(self._transport, self._transport.run(document.look(document_id, query)), query=query)


class CollectionHandle:
    """A named part of a knowledge base: put chunks and files in, search, list, delete."""

    def __init__(self, transport: Transport, calls: CollectionCalls) -> None:
        self._transport = transport
        self._calls = calls

    @property
    def name(self) -> str:
        """The name or id that the collection was asked for by."""
        return self._calls.name

    def describe(self) -> Collection:
        """Its id, name and number of chunks."""
        return self._transport.run(self._calls.describe())

    def insert(self, *chunks: ChunkLike | Iterable[ChunkLike]) -> Inserted:
        """Puts chunks in, all of them or none; they are searchable when this returns.

        Chunks are texts or `Chunk` values, one by one or in a list, at most 1,000. An id that is there already
        is replaced.
        """
        return self._insert("insert", chunks)

    def replace_objects(self, *chunks: ChunkLike | Iterable[ChunkLike]) -> Inserted:
        """Puts chunks in, in place of all that was there of the objects that they name; each must name one."""
        return self._insert("replace_objects", chunks)

    def repopulate(self, *chunks: ChunkLike | Iterable[ChunkLike]) -> Inserted:
        """Puts chunks in, in place of all that was in the collection."""
        return self._insert("repopulate", chunks)

    def delete(self, **selection: Unpack[Selection]) -> int:
        """Deletes chunks, chosen by exactly one of `ids`, `object`, `objects`, `document` (an id) and `filter`.

        Returns how many it were. To empty a collection, repopulate it with nothing: a filter that chooses
        all is refused.
        """
        return self._transport.run(self._calls.delete(selection))

    def list(self, **options: Unpack[ListOptions]) -> Iterator[StoredChunk]:
        """The chunks that pass `filter`, from `offset` on, at most `limit`; fetched page by page as you go."""
        walk = Walk(options.get("offset", 0), options.get("limit"))
        while (window := walk.window) is not None:
            page = self._transport.run(self._calls.page(options.get("filter", {}), window))
            walk.took(len(page))
            yield from page

    def count(self, choice: Filter | None = None) -> int:
        """How many chunks pass the filter; without one, how many there are."""
        return self._transport.run(self._calls.count(choice or {}))

    def search(self, text: str, **options: Unpack[SearchOptions]) -> SearchResults:
        """The chunks of this collection nearest in meaning, best first."""
        calls = KnowledgeCalls(self._calls.query)
        return self._transport.run(calls.search(text, options, collections=(self.name,)))

    def upload(
        self, file: str | PathLike[str] | bytes, *, name: str | None = None, metadata: Metadata | None = None
    ) -> DocumentHandle:
        """Puts a file in, from a path or as bytes (then with its `name`); `metadata` goes to all its chunks.

        Returns at once; the file is taken in meanwhile: `upload(…).wait()`.
        """
        data, name = named_file(file, name)
        ingestion = self._transport.run(document.upload(self._calls, data, name=name, metadata=metadata))
        return DocumentHandle(self._transport, ingestion, query=self._calls.query)

    def documents(self) -> Iterator[document.Document]:
        """The documents of this collection; fetched page by page as you go."""
        walk = Walk()
        while (window := walk.window) is not None:
            page = self._transport.run(document.page(self._calls, window))
            walk.took(len(page))
            yield from page

    def _insert(self, mode: InsertMode, chunks: Iterable[ChunkLike | Iterable[ChunkLike]]) -> Inserted:
        return self._transport.run(self._calls.insert(mode, chunks))

    def __repr__(self) -> str:
        return "<CollectionHandle>"
