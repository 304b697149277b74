"""Vector engines: collections, chunks as they are written and read, documents, erasing."""

import numpy as np
import pytest
from msgspec.structs import replace

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import (
    EVERYTHING,
    All,
    AnyOf,
    Chunk,
    EmbeddedChunk,
    FieldIs,
    Metadata,
    MetadataIs,
    Not,
    ObjectRef,
)
from packhouse.domain.units import CollectionId, DocumentId, ResourceId
from tests.support.vectors import (
    BASE,
    COLLECTION,
    DIMENSIONS,
    OTHER,
    Kind,
    Subject,
    collection,
    embedded,
    passing,
)

pytestmark = pytest.mark.anyio

UNKNOWN = CollectionId("col_none")


async def ids(subject: Subject, collection_id: CollectionId = COLLECTION) -> list[str]:
    chunks = await subject.store.select(collection_id, EVERYTHING, offset=0, limit=10_000)
    return [chunk.id for chunk in chunks]


def of_object(chunk_id: str, object_id: str, type_: str = "") -> EmbeddedChunk:
    return embedded(Chunk(id=chunk_id, text=chunk_id, object=ObjectRef(object_id, type_)))


# collections


async def test_collections_come_by_name_with_their_counts(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "another"))
    await subject.store.put(COLLECTION, [embedded(Chunk(id=str(n), text="t")) for n in range(3)])
    assert await subject.store.collections() == [
        collection(OTHER, "another"),
        replace(collection(), chunks=3),
    ]
    await subject.store.delete(COLLECTION, FieldIs("id", ("1",)))
    await subject.settle()
    assert [each.chunks for each in await subject.store.collections()] == [0, 2]


@pytest.mark.parametrize("again", [collection(name="new"), collection(OTHER, "default")])
async def test_ids_and_names_are_given_once(subject: Subject, again: object) -> None:
    with pytest.raises(Refused) as refused:
        await subject.store.create_collection(again)  # pyright: ignore[reportArgumentType]
    assert refused.value.code == "conflict"


async def test_a_deleted_collection_takes_all_with_it(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "other"))
    await subject.store.put(OTHER, [embedded(Chunk(id="kept", text="t"))])
    await subject.store.put(COLLECTION, [embedded(Chunk(id="gone", text="t"))])
    await subject.store.delete_collection(COLLECTION)
    await subject.store.delete_collection(COLLECTION)
    assert [each.id for each in await subject.store.collections()] == [OTHER]
    assert await ids(subject, OTHER) == ["kept"]
    await subject.store.create_collection(collection(CollectionId("col_3"), "default"))


async def test_unknown_collections_are_refused(subject: Subject) -> None:
    store, chunk = subject.store, embedded(Chunk(id="a", text="t"))
    for call in (
        lambda: store.put(UNKNOWN, [chunk]),
        lambda: store.replace_objects(UNKNOWN, [chunk]),
        lambda: store.repopulate(UNKNOWN, [chunk]),
        lambda: store.delete(UNKNOWN, EVERYTHING),
        lambda: store.count(UNKNOWN, EVERYTHING),
        lambda: store.select(UNKNOWN, EVERYTHING, offset=0, limit=1),
        lambda: store.nearest([UNKNOWN], chunk.vector, chosen=EVERYTHING, max_results=1, minimum_similarity=-1),
        lambda: store.keyword([UNKNOWN], "t", chosen=EVERYTHING, max_results=1),
        lambda: store.put(CollectionId("../res_2"), [chunk]),
    ):
        with pytest.raises(Refused) as refused:
            await call()
        assert refused.value.code == "not_found"


async def test_an_empty_collection_is_no_special_case(subject: Subject) -> None:
    store, vector = subject.store, embedded(Chunk(id="a", text="t")).vector
    assert await store.count(COLLECTION, EVERYTHING) == 0
    assert await store.delete(COLLECTION, EVERYTHING) == 0
    assert await store.select(COLLECTION, EVERYTHING, offset=0, limit=5) == []
    near = await store.nearest([COLLECTION], vector, chosen=EVERYTHING, max_results=5, minimum_similarity=-1)
    assert near == await store.keyword([COLLECTION], "t", chosen=EVERYTHING, max_results=5) == []
    await store.put(COLLECTION, [])
    await store.replace_objects(COLLECTION, [])
    await store.repopulate(COLLECTION, [])
    assert await ids(subject) == []


# chunks

TORTURE = (
    "",
    " ",
    "it's",
    "''",
    '"dq"',
    "a\\b",
    "\\",
    "=",
    "a=b=c",
    "\\=",
    "=\\",
    "nul\x00byte",
    "\n\t\r",
    "\U0001f642",
    "ünïcode",
    "u\u0308",
    "ü",
    "中文",
    "عربى",
    "'; DROP TABLE chunks; --",
    "%_",
    "`x`",
    "$1 {x} /*x*/ ?",
    "NULL",
    "true",
    "\ufeffx",
    "\u2028",
    "a" * 5_000,
)


async def test_every_text_comes_back_as_it_was(subject: Subject) -> None:
    chunks = [
        Chunk(
            id=f"{number} {text}"[:2_000],
            text=text,
            object=ObjectRef(text, text),
            document_id=DocumentId(text),
            ordinal=number,
            page=number + 1,
            metadata=((text, text), ("twice", text), ("twice", text), ("", ""), ("a=", "b"), ("a", "=b")),
        )
        for number, text in enumerate(TORTURE)
    ]
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks])
    read = await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=100)
    assert read == passing(chunks, EVERYTHING)
    for chunk, text in zip(chunks, TORTURE, strict=True):
        for chosen in (
            FieldIs("id", (chunk.id,)),
            All((FieldIs("object_id", (text,)), FieldIs("object_type", (text,)))),
            FieldIs("document_id", (text,)),
            MetadataIs("twice", (text,)),
            All((MetadataIs(text, (text,)), FieldIs("id", (chunk.id,)))),
        ):
            found = await subject.store.select(COLLECTION, chosen, offset=0, limit=9)
            assert found == [chunk], (text, chosen)
        assert await subject.store.count(COLLECTION, Not(MetadataIs("twice", (text,)))) == len(chunks) - 1


async def test_what_is_absent_stays_absent(subject: Subject) -> None:
    bare = Chunk(id="bare", text="t")
    named = Chunk(id="named", text="t", object=ObjectRef("", ""), document_id=DocumentId(""))
    await subject.store.put(COLLECTION, [embedded(bare), embedded(named)])
    assert await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=9) == [bare, named]
    for field in ("object_id", "object_type", "document_id"):
        assert await subject.store.select(COLLECTION, FieldIs(field, ("",)), offset=0, limit=9) == [named]
        assert await subject.store.select(COLLECTION, Not(FieldIs(field, ("",))), offset=0, limit=9) == [bare]


async def test_put_replaces_what_has_the_id_and_the_last_wins(subject: Subject) -> None:
    await subject.store.put(COLLECTION, [embedded(Chunk(id="a", text="1", metadata=(("k", "v"),)))])
    await subject.store.put(
        COLLECTION,
        [embedded(Chunk(id="a", text="2")), embedded(Chunk(id="b", text="3")), embedded(Chunk(id="a", text="4"))],
    )
    chunks = await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=9)
    assert chunks == [Chunk(id="a", text="4"), Chunk(id="b", text="3")]


async def test_replacing_objects_takes_their_other_chunks_away(subject: Subject) -> None:
    before = [of_object("a1", "a"), of_object("a2", "a"), of_object("b1", "b"), of_object("x1", "a", "other")]
    await subject.store.put(COLLECTION, [*before, embedded(Chunk(id="free", text="t"))])
    await subject.store.replace_objects(
        COLLECTION, [of_object("a2", "a"), of_object("a3", "a"), of_object("c1", "c"), of_object("free2", "c")]
    )
    assert await ids(subject) == ["a2", "a3", "b1", "c1", "free", "free2", "x1"]
    await subject.store.replace_objects(COLLECTION, [of_object("b1", "a"), embedded(Chunk(id="free3", text="t"))])
    assert await ids(subject) == ["b1", "c1", "free", "free2", "free3", "x1"]
    await subject.store.replace_objects(COLLECTION, [of_object("q", "it's", "o'k"), of_object("r", "a", "other")])
    assert await ids(subject) == ["b1", "c1", "free", "free2", "free3", "q", "r"]


async def test_repopulating_leaves_just_what_was_given(subject: Subject) -> None:
    await subject.store.put(COLLECTION, [embedded(Chunk(id=str(n), text="t")) for n in range(20)])
    await subject.store.repopulate(COLLECTION, [embedded(Chunk(id="3", text="new")), embedded(Chunk(id="y", text="t"))])
    chunks = await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=100)
    assert chunks == [Chunk(id="3", text="new"), Chunk(id="y", text="t")]
    await subject.store.repopulate(COLLECTION, [])
    assert await ids(subject) == []


async def test_deleting_says_how_many_went(subject: Subject) -> None:
    chunks = [Chunk(id=str(n), text="t", metadata=(("parity", str(n % 2)),)) for n in range(9)]
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks])
    assert await subject.store.delete(COLLECTION, MetadataIs("parity", ("1",))) == 4
    assert await subject.store.delete(COLLECTION, MetadataIs("parity", ("1",))) == 0
    assert await subject.store.delete(COLLECTION, AnyOf()) == 0
    assert await ids(subject) == ["0", "2", "4", "6", "8"]
    assert await subject.store.delete(COLLECTION, EVERYTHING) == 5
    assert await ids(subject) == []


async def test_pages_of_chunks_come_in_a_stable_order(subject: Subject) -> None:
    chunks = [
        Chunk(
            id=f"{n * 37 % 100:03}",
            text="t",
            document_id=None if n % 3 == 0 else DocumentId(f"doc_{n % 2}"),
            ordinal=n * 7 % 10,
        )
        for n in range(100)
    ]
    for start in range(0, 100, 20):
        await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks[start : start + 20]])
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks[::7]])
    expected = passing(chunks, EVERYTHING)
    pages = [await subject.store.select(COLLECTION, EVERYTHING, offset=at, limit=7) for at in range(0, 105, 7)]
    assert [chunk for page in pages for chunk in page] == expected
    await subject.settle()
    assert await subject.store.select(COLLECTION, EVERYTHING, offset=10, limit=25) == expected[10:35]
    assert await subject.store.select(COLLECTION, EVERYTHING, offset=100, limit=5) == []
    assert await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=0) == []


@pytest.mark.parametrize(
    "vector",
    [
        [0.0] * DIMENSIONS,
        [1.0] * (DIMENSIONS - 1),
        [1.0] * (DIMENSIONS + 1),
        [],
        [np.nan] + [1.0] * (DIMENSIONS - 1),
        [np.inf] + [1.0] * (DIMENSIONS - 1),
    ],
)
async def test_vectors_without_a_direction_are_refused_and_nothing_is_written(
    subject: Subject, vector: list[float]
) -> None:
    good, bad = embedded(Chunk(id="good", text="t")), embedded(Chunk(id="bad", text="t"), vector)
    for write in (subject.store.put, subject.store.replace_objects, subject.store.repopulate):
        with pytest.raises(Refused) as refused:
            await write(COLLECTION, [good, bad])
        assert refused.value.code == "vector_invalid"
    with pytest.raises(Refused) as refused:
        await subject.store.nearest([COLLECTION], bad.vector, chosen=EVERYTHING, max_results=1, minimum_similarity=-1)
    assert refused.value.code == "vector_invalid"
    assert await ids(subject) == []


async def test_large_filters_are_answered(subject: Subject) -> None:
    chunks = [Chunk(id=f"c{n}", text="t", metadata=(("n", str(n)),)) for n in range(50)]
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks])
    many = tuple(f"c{n}" for n in range(10_000))
    assert await subject.store.count(COLLECTION, FieldIs("id", many)) == 50
    assert await subject.store.count(COLLECTION, Not(FieldIs("id", many))) == 0
    deep = MetadataIs("n", ("1",))
    for _ in range(40):
        deep = Not(All((deep, Not(AnyOf((FieldIs("object_id", ("x",)),))))))
    assert await subject.store.count(COLLECTION, deep) == 1
    wide = AnyOf(tuple(MetadataIs("n", (str(n),)) for n in range(0, 512, 2)))
    assert await subject.store.count(COLLECTION, wide) == 25


# the knowledge base as a whole


async def test_knowledge_bases_do_not_see_each_other(subject: Subject) -> None:
    other = await subject.engine.open(ResourceId("res_2"), DIMENSIONS)
    assert await other.collections() == []
    await other.create_collection(collection())
    await subject.store.put(COLLECTION, [embedded(Chunk(id="a", text="t"))])
    assert await other.count(COLLECTION, EVERYTHING) == 0


@pytest.mark.parametrize("metadata", [(), (("k", 'it\'s \\ "x" = {y} \n[z]'), ("k", ""), ("a=b'", "ü"))])
async def test_chunks_are_relabelled(subject: Subject, metadata: Metadata) -> None:
    given = [
        Chunk(id=id_, text=id_, document_id=DocumentId(document), metadata=(("old", "1"),))
        for id_, document in (("a", "doc_1"), ("b", "doc_1"), ("c", "doc_2"))
    ]
    await subject.store.put(COLLECTION, [embedded(each) for each in given])
    await subject.store.relabel(COLLECTION, FieldIs("document_id", ("doc_1",)), metadata=metadata)
    await subject.store.relabel(COLLECTION, FieldIs("document_id", ("doc_9",)), metadata=metadata)
    seen = await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=9)
    assert {each.id: each.metadata for each in seen} == {"a": metadata, "b": metadata, "c": (("old", "1"),)}
    assert await subject.store.count(COLLECTION, MetadataIs("old", ("1",))) == 1
    vector = embedded(given[0]).vector
    near = await subject.store.nearest([COLLECTION], vector, chosen=EVERYTHING, max_results=9, minimum_similarity=-1)
    assert len(near) == 3


async def test_dimensions_are_pinned(vector_kind: Kind, subject: Subject) -> None:
    again = vector_kind.engine(subject.root)
    for engine in (subject.engine, again):
        with pytest.raises(Refused) as refused:
            await engine.open(BASE, DIMENSIONS * 2)
        assert refused.value.code == "conflict"
    assert (await (await again.open(BASE, DIMENSIONS)).collections()) != []
    await again.close()


async def test_erasing_leaves_nothing(vector_kind: Kind, subject: Subject) -> None:
    await subject.store.put(COLLECTION, [embedded(Chunk(id="a", text="canary"))])
    await subject.store.stage(DocumentId("doc_1"), b"canary")
    elsewhere = vector_kind.engine(subject.root)
    seen_elsewhere = await elsewhere.open(BASE, DIMENSIONS)
    assert await seen_elsewhere.count(COLLECTION, EVERYTHING) == 1
    await subject.engine.erase(BASE)
    await subject.engine.erase(BASE)
    with pytest.raises(Refused) as refused:
        await seen_elsewhere.count(COLLECTION, EVERYTHING)
    assert refused.value.code == "not_found"
    for engine in (subject.engine, elsewhere):
        assert await (await engine.open(BASE, DIMENSIONS)).collections() == []
    await elsewhere.close()


async def test_disk_grows_with_what_is_put_in(subject: Subject) -> None:
    before = await subject.store.disk_bytes()
    await subject.store.stage(DocumentId("doc_1"), bytes(1_000_000))
    staged = await subject.store.disk_bytes()
    assert staged - before >= 1_000_000
    await subject.store.unstage(DocumentId("doc_1"))
    await subject.store.put(COLLECTION, [embedded(Chunk(id=str(n), text="text" * 300)) for n in range(500)])
    assert await subject.store.disk_bytes() - before > 20_000
