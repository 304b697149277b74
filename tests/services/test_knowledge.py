"""Knowledge bases: collections, chunks, searches, on the quota of the linked embeddings pack."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec.structs import replace

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import DISK_BYTES_MAX, EVERYTHING, Chunk, FieldIs, MetadataIs, ObjectRef
from packhouse.services import knowledge
from packhouse.services.document import NewFile
from packhouse.services.search import SearchRequest
from tests.support.knowledge import KnowledgeHouse, knowledge_house

pytestmark = pytest.mark.anyio

BIRDS = [
    Chunk(id="gull", text="The herring gull steals chips in the harbour.", metadata=(("kind", "bird"), ("sea", "yes"))),
    Chunk(id="owl", text="An owl hunts mice at night in the forest.", metadata=(("kind", "bird"),)),
    Chunk(id="cod", text="The cod swims in cold deep water.", metadata=(("kind", "fish"), ("sea", "yes"))),
]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[KnowledgeHouse]:
    async with knowledge_house(tmp_path) as made:
        yield made


async def found(house: KnowledgeHouse, text: str, **how: object) -> list[str]:
    request = replace(SearchRequest(text=text), **how)
    return [each.chunk.id for each in (await house.search.search(house.base, request)).found]


# collections


async def test_every_knowledge_base_begins_with_the_default_collection(house: KnowledgeHouse) -> None:
    assert [each.name for each in await house.base.store.collections()] == ["default"]
    made = await house.bases.create(house.base, " Reports 2026 ")
    assert made.name == "Reports 2026"
    assert await house.bases.collection(house.base, made.id) == await house.bases.collection(house.base, made.name)
    await house.bases.delete(house.base, "Reports 2026")
    with pytest.raises(Refused) as refused:
        await house.bases.collection(house.base, made.id)
    assert (refused.value.code, "default" in refused.value.message) == ("not_found", True)


@pytest.mark.parametrize("name", ["", " ", "a/b", "col_x", "x" * 121, "a\nb"])
async def test_names_that_no_collection_may_have(house: KnowledgeHouse, name: str) -> None:
    with pytest.raises(Refused) as refused:
        await house.bases.create(house.base, name)
    assert refused.value.code == "invalid_request"


# chunks


async def test_an_insert_is_found_at_once_and_books_its_tokens(house: KnowledgeHouse) -> None:
    inserted = await house.chunks.insert(house.base, "default", chunks=BIRDS)
    assert inserted.ids == ("gull", "owl", "cod")
    assert await found(house, "herring gull chips harbour", max_results=1) == ["gull"]
    assert inserted.tokens.input > 0
    spent = await house.tokens()
    assert spent > inserted.tokens.input
    sizes = sum(len(chunk.text) for chunk in BIRDS)
    assert await house.counted() == (1, 1, 3, sizes)


async def test_chunks_without_an_id_get_one(house: KnowledgeHouse) -> None:
    inserted = await house.chunks.insert(house.base, "default", chunks=[Chunk(id="", text="a"), Chunk(id="", text="b")])
    selected = await house.chunks.select(house.base, "default", chosen=EVERYTHING, offset=0, limit=9)
    assert sorted(inserted.ids) == [chunk.id for chunk in selected.chunks]
    assert all(id_.startswith("chk_") for id_ in inserted.ids)
    assert selected.total == 2


async def test_modes_of_inserting(house: KnowledgeHouse) -> None:
    async def ids() -> list[str]:
        page = await house.chunks.select(house.base, "default", chosen=EVERYTHING, offset=0, limit=9)
        return [chunk.id for chunk in page.chunks]

    page = ObjectRef("7", "page")
    await house.chunks.insert(
        house.base, "default", chunks=[*BIRDS, *(Chunk(id=f"p{n}", text="t", object=page) for n in range(3))]
    )
    await house.chunks.insert(
        house.base, "default", chunks=[Chunk(id="p9", text="t", object=page)], mode="replace_objects"
    )
    assert await ids() == ["cod", "gull", "owl", "p9"]
    await house.chunks.insert(house.base, "default", chunks=BIRDS[:1], mode="repopulate")
    assert await ids() == ["gull"]
    await house.chunks.insert(house.base, "default", chunks=[], mode="repopulate")
    assert await ids() == []


async def test_names_and_metadata_at_their_limits_are_taken(house: KnowledgeHouse) -> None:
    metadata = (*((f"{n:0>128}", "v" * 2_048) for n in range(63)), ("knowledge", "v" * 20_000))
    chunk = Chunk(id="ä" * 512, text="x", object=ObjectRef("1" * 512, "t" * 128), metadata=metadata)
    await house.chunks.insert(house.base, "default", chunks=[chunk])
    page = await house.chunks.select(house.base, "default", chosen=FieldIs("id", (chunk.id,)), offset=0, limit=9)
    assert page.chunks == [chunk]


@pytest.mark.parametrize(
    ("chunks", "mode"),
    [
        ([], "insert"),
        ([Chunk(id="a", text=" ")], "insert"),
        ([Chunk(id="a", text="x" * 20_001)], "insert"),
        ([Chunk(id=str(n), text="x") for n in range(1_001)], "insert"),
        ([Chunk(id="a", text="x")], "replace_objects"),
        ([Chunk(id="a", text="x", metadata=(("$and", "x"),))], "insert"),
        ([Chunk(id="a", text="x"), Chunk(id="a", text="y")], "insert"),
        ([Chunk(id="a", text="x"), Chunk(id="a", text="y")], "repopulate"),
        ([Chunk(id="a" * 513, text="x")], "insert"),
        ([Chunk(id="a\nb", text="x")], "insert"),
        ([Chunk(id="a", text="x", object=ObjectRef("", "page"))], "insert"),
        ([Chunk(id="a", text="x", object=ObjectRef("1", "p" * 129))], "insert"),
        ([Chunk(id="a", text="x", metadata=tuple((f"k{n}", "") for n in range(65)))], "insert"),
        ([Chunk(id="a", text="x", metadata=tuple(("k", f"{n}") for n in range(257)))], "insert"),
        ([Chunk(id="a", text="x", metadata=(("k" * 129, "v"),))], "insert"),
        ([Chunk(id="a", text="x", metadata=(("", "v"),))], "insert"),
        ([Chunk(id="a", text="x", metadata=(("k", "v" * 2_049),))], "insert"),
        ([Chunk(id="a", text="x", metadata=(("knowledge", "v" * 20_001),))], "insert"),
    ],
)
async def test_what_cannot_be_inserted_is_refused_before_anything_is_spent(
    house: KnowledgeHouse, chunks: list[Chunk], mode: str
) -> None:
    with pytest.raises(Refused) as refused:
        await house.chunks.insert(house.base, "default", chunks=chunks, mode=mode)  # pyright: ignore[reportArgumentType]
    assert refused.value.code == "invalid_request"
    assert house.model.counts.begun == 0


async def test_deleting_needs_a_choice(house: KnowledgeHouse) -> None:
    await house.chunks.insert(house.base, "default", chunks=BIRDS)
    with pytest.raises(Refused):
        await house.chunks.delete(house.base, "default", chosen=EVERYTHING)
    assert await house.chunks.delete(house.base, "default", chosen=MetadataIs("kind", ("bird",))) == 2
    assert await house.chunks.delete(house.base, "default", chosen=FieldIs("id", ("cod", "gull"))) == 1


async def test_a_full_disk_refuses_the_whole(house: KnowledgeHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.chunks.insert(house.base, "default", chunks=BIRDS)
    used = await house.base.store.disk_bytes()
    monkeypatch.setattr(knowledge, "DISK_BYTES_MAX", used + 1_000)
    for write in (
        lambda: house.chunks.insert(house.base, "default", chunks=[Chunk(id="big", text="x" * 5_000)]),
        lambda: house.documents.upload(house.base, "default", file=NewFile("a.txt", "text/plain", b"x" * 5_000)),
    ):
        with pytest.raises(Refused) as refused:
            await write()
        assert refused.value.code == "disk_full"
        assert refused.value.facts["limit_bytes"] == used + 1_000
    assert DISK_BYTES_MAX == 10 * 2**30
    assert await house.base.store.documents((await house.base.store.collections())[0].id, offset=0, limit=9) == []


# searches


async def test_filters_and_minimum_hold_in_every_mode(house: KnowledgeHouse) -> None:
    await house.chunks.insert(house.base, "default", chunks=BIRDS)
    sea = MetadataIs("sea", ("yes",))
    assert await found(house, "owl mice night", chosen=sea, mode="keyword") == []
    assert "owl" not in await found(house, "owl mice night", chosen=sea)
    assert "owl" not in await found(house, "owl mice night", chosen=sea, mode="hybrid")
    assert await found(house, "An owl hunts mice at night in the forest.", minimum_similarity=0.95) == ["owl"]


async def test_hybrid_leaves_out_what_is_not_similar_enough_however_it_was_found(house: KnowledgeHouse) -> None:
    await house.chunks.insert(house.base, "default", chunks=BIRDS)
    question = SearchRequest(text="Which bird steals chips?", mode="vector", max_results=9)
    similar = {
        each.chunk.id: each.similarity or 0.0 for each in (await house.search.search(house.base, question)).found
    }
    minimum = similar["gull"] - 0.001
    assert [each for each in similar.values() if each < minimum]
    worded = replace(question, text="Which bird steals chips? cod water owl mice", mode="hybrid")
    assert len((await house.search.search(house.base, worded)).found) == 3
    strict = replace(worded, minimum_similarity=0.99)
    assert (await house.search.search(house.base, strict)).found == []
    some = (await house.search.search(house.base, replace(question, mode="hybrid", minimum_similarity=minimum))).found
    assert [each.chunk.id for each in some] == [name for name, value in similar.items() if value >= minimum]
    assert all(each.similarity == pytest.approx(similar[each.chunk.id], abs=1e-5) for each in some)


async def test_a_keyword_search_takes_no_minimum(house: KnowledgeHouse) -> None:
    with pytest.raises(Refused) as refused:
        await found(house, "gull", mode="keyword", minimum_similarity=0.1)
    assert refused.value.facts["field"] == "minimum_similarity"


async def test_hybrid_puts_first_what_both_sides_find(house: KnowledgeHouse) -> None:
    await house.chunks.insert(house.base, "default", chunks=BIRDS)
    searched = await house.search.search(house.base, SearchRequest(text="cod deep water", mode="hybrid"))
    assert searched.found[0].chunk.id == "cod"
    assert searched.found[0].similarity is not None
    scores = [each.score for each in searched.found]
    assert scores == sorted(scores, reverse=True)
    assert len({each.chunk.id for each in searched.found}) == len(searched.found)


async def test_collections_are_searched_all_or_as_named(house: KnowledgeHouse) -> None:
    other = await house.bases.create(house.base, "other")
    await house.chunks.insert(house.base, "default", chunks=BIRDS[:1])
    await house.chunks.insert(house.base, other.id, chunks=BIRDS[1:])
    assert set(await found(house, "gull")) == {"gull", "owl", "cod"}
    assert set(await found(house, "gull", collections=("other",))) == {"owl", "cod"}
    with pytest.raises(Refused):
        await found(house, "gull", collections=("none",))


@pytest.mark.parametrize(
    "how",
    [{"text": " "}, {"max_results": 0}, {"max_results": 101}, {"minimum_similarity": 1.1}, {"text": "x" * 20_001}],
)
async def test_searches_that_make_no_sense(house: KnowledgeHouse, how: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        await found(house, **{"text": "x"} | how)  # pyright: ignore[reportArgumentType]
    assert refused.value.code == "invalid_request"
    assert await house.tokens() == 0


async def test_an_exhausted_pack_stops_vectors_but_not_words_and_filters(tmp_path: Path) -> None:
    async with knowledge_house(tmp_path, tokens=200) as house:
        await house.chunks.insert(house.base, "default", chunks=BIRDS[:1])
        with pytest.raises(Refused) as refused:
            await house.chunks.insert(house.base, "default", chunks=[Chunk(id="long", text="word " * 100)])
        assert refused.value.code == "quota_exhausted"
        with pytest.raises(Refused) as refused:
            await found(house, "herring " * 40)
        assert refused.value.code == "quota_exhausted"
        assert await found(house, "herring " * 40, mode="keyword") == ["gull"]
        page = await house.chunks.select(house.base, "default", chosen=EVERYTHING, offset=0, limit=9)
        assert [chunk.id for chunk in page.chunks] == ["gull"]
