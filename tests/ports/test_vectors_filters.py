"""Vector engines: any filter means over any chunks what `matches` says, before, over and beside indices."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from packhouse.domain.knowledge import (
    EVERYTHING,
    All,
    AnyOf,
    Chunk,
    FieldIs,
    Filter,
    FilterField,
    MetadataIs,
    Not,
    ObjectRef,
)
from packhouse.domain.knowledge_filter import matches
from packhouse.domain.units import DocumentId
from packhouse.ports.vectors import KnowledgeStore
from tests.support.vectors import BASE, COLLECTION, DIMENSIONS, KINDS, Kind, collection, embedded, passing

# Few words, so that filters and chunks meet; each is hard on somebody's quoting.
WORDS = st.sampled_from(["a", "b", "it's", "", "=", "\\", "a=b", "ü", "NULL", "%"])
KEYS = st.sampled_from(["k", "k=", "k\\", ""])


def filters() -> st.SearchStrategy[Filter]:
    values = st.lists(WORDS, max_size=3).map(tuple)
    fields: st.SearchStrategy[FilterField] = st.sampled_from(["id", "object_id", "object_type", "document_id"])
    leaves = st.builds(MetadataIs, KEYS, values) | st.builds(FieldIs, fields, values)

    def joined(parts: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(parts, max_size=4).map(tuple)
        return st.builds(All, several) | st.builds(AnyOf, several) | st.builds(Not, parts)

    return st.recursive(leaves, joined, max_leaves=12)


CHUNKS = st.builds(
    Chunk,
    id=WORDS | st.text("xyz", min_size=1, max_size=3),
    text=st.just("t"),
    object=st.none() | st.builds(ObjectRef, WORDS, WORDS),
    document_id=st.none() | WORDS.map(DocumentId),
    ordinal=st.integers(0, 3),
    metadata=st.lists(st.tuples(KEYS, WORDS), max_size=4).map(tuple),
)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    first=st.lists(CHUNKS, min_size=1, max_size=40),
    then=st.lists(CHUNKS, max_size=10),
    chosen=st.lists(filters(), min_size=1, max_size=12),
    settled=st.booleans(),
)
def test_filters_mean_what_the_evaluator_says(
    kind: Kind, first: list[Chunk], then: list[Chunk], *, chosen: list[Filter], settled: bool
) -> None:
    async def run(store: KnowledgeStore) -> None:
        await store.put(COLLECTION, [embedded(chunk) for chunk in first])
        if settled:
            await kind.settle(store, COLLECTION)
        await store.put(COLLECTION, [embedded(chunk) for chunk in then])
        held = {chunk.id: chunk for chunk in (*first, *then)}
        for each in chosen:
            expected = passing(held.values(), each)
            note(f"{each}: {len(expected)} of {len(held)}")
            assert await store.select(COLLECTION, each, offset=0, limit=100) == expected
            assert await store.count(COLLECTION, each) == len(expected)
            found = await store.nearest(
                [COLLECTION], embedded(first[0]).vector, chosen=each, max_results=100, minimum_similarity=-1
            )
            assert {one.chunk.id for one in found} == {chunk.id for chunk in expected}
            words = await store.keyword([COLLECTION], "t", chosen=each, max_results=100)
            assert {one.chunk.id for one in words} == {chunk.id for chunk in expected}
        assert await store.delete(COLLECTION, chosen[0]) == len(passing(held.values(), chosen[0]))
        left = [chunk for chunk in held.values() if not matches(chosen[0], chunk)]
        assert await store.select(COLLECTION, EVERYTHING, offset=0, limit=100) == passing(left, EVERYTHING)

    asyncio.run(_with_store(kind, run))


OPERATIONS = st.lists(
    st.tuples(st.just("put"), st.lists(CHUNKS, max_size=8))
    | st.tuples(st.just("replace_objects"), st.lists(CHUNKS, max_size=8))
    | st.tuples(st.just("repopulate"), st.lists(CHUNKS, max_size=8))
    | st.tuples(st.just("delete"), filters())
    | st.tuples(st.just("settle"), st.none()),
    max_size=10,
)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(operations=OPERATIONS)
def test_any_history_of_writes_leaves_what_a_dictionary_would(
    kind: Kind, operations: list[tuple[str, list[Chunk] | Filter | None]]
) -> None:
    async def run(store: KnowledgeStore) -> None:
        held = dict[str, Chunk]()
        for verb, given_ in operations:
            match verb, given_:
                case "settle", _:
                    await kind.settle(store, COLLECTION)
                case _, list():
                    held = after(verb, held, given_)
                    write = {"put": store.put, "replace_objects": store.replace_objects, "repopulate": store.repopulate}
                    await write[verb](COLLECTION, [embedded(chunk) for chunk in given_])
                case _, None:
                    raise AssertionError(verb)
                case _, chosen:
                    gone = passing(held.values(), chosen)
                    assert await store.delete(COLLECTION, chosen) == len(gone)
                    held = {id_: chunk for id_, chunk in held.items() if chunk not in gone}
            assert await store.select(COLLECTION, EVERYTHING, offset=0, limit=1_000) == passing(
                held.values(), EVERYTHING
            )
            assert [each.chunks for each in await store.collections()] == [len(held)]

    asyncio.run(_with_store(kind, run))


def after(verb: str, held: dict[str, Chunk], chunks: list[Chunk]) -> dict[str, Chunk]:
    new = {chunk.id: chunk for chunk in chunks}
    if verb == "repopulate":
        return new
    objects = {chunk.object for chunk in chunks if chunk.object} if verb == "replace_objects" else set[ObjectRef]()
    return {id_: chunk for id_, chunk in held.items() if chunk.object not in objects} | new


async def _with_store(kind: Kind, run: Callable[[KnowledgeStore], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        engine = kind.engine(Path(root))
        store = await engine.open(BASE, DIMENSIONS)
        await store.create_collection(collection())
        try:
            await run(store)
        finally:
            await engine.close()
