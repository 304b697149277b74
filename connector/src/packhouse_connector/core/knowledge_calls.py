"""The calls of a knowledge base and of a collection in it."""

from collections.abc import Iterable, Sequence
from typing import Literal
from urllib.parse import quote

import msgspec

from packhouse_connector.core.call import Call, Operation, delete, get, post, reader
from packhouse_connector.core.content import Content
from packhouse_connector.core.knowledge import (
    Chunk,
    ChunkLike,
    Collection,
    Filter,
    Found,
    Inserted,
    KnowledgeBaseState,
    ObjectLike,
    ObjectRef,
    SearchOptions,
    SearchResults,
    Selection,
    StoredChunk,
)
from packhouse_connector.core.paging import Window
from packhouse_connector.core.response import Response
from packhouse_connector.core.usage import Usage

_ROOT = "/v1/knowledge"

InsertMode = Literal["insert", "replace_objects", "repopulate"]
Query = tuple[tuple[str, str], ...]


class _Bases(msgspec.Struct):
    resources: tuple[KnowledgeBaseState, ...]


class _Collections(msgspec.Struct):
    collections: tuple[Collection, ...]


class _NewCollection(msgspec.Struct):
    name: str


class _Search(Content, frozen=True, omit_defaults=True, kw_only=True):
    text: str
    collections: Sequence[str] | None = None
    max_results: int | None = None
    minimum_similarity: float | None = None
    filter: Filter | None = None
    mode: str | None = None


class _Found(msgspec.Struct):
    results: tuple[Found, ...]
    usage: Usage = Usage()


class _Insert(Content, frozen=True):
    mode: InsertMode
    chunks: tuple[Chunk, ...]


class _Inserted(msgspec.Struct):
    chunks: int
    ids: tuple[str, ...] = ()
    usage: Usage = Usage()


class _List(Content, frozen=True):
    filter: Filter
    offset: int
    limit: int


class _Listed(msgspec.Struct):
    chunks: tuple[StoredChunk, ...]
    total: int


class _Delete(Content, frozen=True, omit_defaults=True, kw_only=True):
    ids: Sequence[str] | None = None
    object: ObjectRef | None = None
    objects: tuple[ObjectRef, ...] | None = None
    document_id: str | None = None
    filter: Filter | None = None


class _Deleted(msgspec.Struct):
    deleted: int


_bases = reader(_Bases)
_collections = reader(_Collections)
_collection = reader(Collection)
_found = reader(_Found)
_done = reader(_Inserted)
_listed = reader(_Listed)
_deleted = reader(_Deleted)


def segment(name: str) -> str:
    """A name or an id as one segment of a path."""
    return quote(name, safe="")


def bases() -> Operation[tuple[KnowledgeBaseState, ...]]:
    """The knowledge bases that the key opens."""
    return Operation(get(_ROOT), lambda response: _bases(response).resources)


class KnowledgeCalls(msgspec.Struct, frozen=True):
    """The calls of one knowledge base; `query` names it where the key opens several."""

    query: Query = ()

    def collections(self) -> Operation[tuple[Collection, ...]]:
        return Operation(get(f"{_ROOT}/collections", self.query), lambda response: _collections(response).collections)

    def create_collection(self, name: str) -> Operation[Collection]:
        return Operation(post(f"{_ROOT}/collections", _NewCollection(name), query=self.query), _collection)

    def delete_collection(self, collection: str) -> Operation[None]:
        return Operation(delete(f"{_ROOT}/collections/{segment(collection)}", self.query), _nothing)

    def search(
        self, text: str, options: SearchOptions, *, collections: Sequence[str] | None
    ) -> Operation[SearchResults]:
        body = _Search(text=text, collections=collections, **options)
        return Operation(post(f"{_ROOT}/search", body, query=self.query), _search_results)

    def collection(self, collection: str) -> "CollectionCalls":
        return CollectionCalls(collection, self.query)


class CollectionCalls(msgspec.Struct, frozen=True):
    """The calls of one collection, by its name or id."""

    name: str
    query: Query = ()

    @property
    def path(self) -> str:
        return f"{_ROOT}/collections/{segment(self.name)}"

    def describe(self) -> Operation[Collection]:
        return Operation(get(self.path, self.query), _collection)

    def insert(self, mode: InsertMode, chunks: Iterable[ChunkLike | Iterable[ChunkLike]]) -> Operation[Inserted]:
        body = _Insert(mode, tuple(_chunks(chunks)))
        return Operation(post(f"{self.path}/chunks", body, query=self.query), _inserted)

    def page(self, choice: Filter, window: Window) -> Operation[tuple[StoredChunk, ...]]:
        return Operation(self._query(choice, window), lambda response: _listed(response).chunks)

    def count(self, choice: Filter) -> Operation[int]:
        return Operation(self._query(choice, Window(0, 1)), lambda response: _listed(response).total)

    def delete(self, selection: Selection) -> Operation[int]:
        call = post(f"{self.path}/chunks/delete", _delete(selection), query=self.query)
        return Operation(call, lambda response: _deleted(response).deleted)

    def _query(self, choice: Filter, window: Window) -> Call:
        body = _List(choice, window.offset, window.limit)
        return post(f"{self.path}/chunks/query", body, query=self.query, safe_to_retry=True)


def _chunks(given: Iterable[ChunkLike | Iterable[ChunkLike]]) -> Iterable[Chunk]:
    for one in given:
        match one:
            case str():
                yield Chunk(one)
            case Chunk():
                yield one
            case _:
                yield from _chunks(one)


def _delete(selection: Selection) -> _Delete:
    if len(selection) != 1 or not selection.keys() <= Selection.__annotations__.keys():
        raise TypeError("say what to delete by exactly one of ids, object, objects, document, filter")
    if isinstance(selection.get("ids"), str):
        raise TypeError("ids is a list of chunk ids")
    one, several = selection.get("object"), selection.get("objects")
    return _Delete(
        ids=selection.get("ids"),
        object=None if one is None else _object(one),
        objects=None if several is None else tuple(_object(each) for each in several),
        document_id=selection.get("document"),
        filter=selection.get("filter"),
    )


def _object(one: ObjectLike) -> ObjectRef:
    return ObjectRef(one) if isinstance(one, str) else one


def _search_results(response: Response) -> SearchResults:
    found = _found(response)
    return SearchResults(found.results, found.usage, response.request_id)


def _inserted(response: Response) -> Inserted:
    done = _done(response)
    return Inserted(done.chunks, done.ids, done.usage, response.request_id)


def _nothing(response: Response) -> None:
    return None
