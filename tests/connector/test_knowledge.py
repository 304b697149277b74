"""Knowledge bases: collections, chunks, search."""

import pytest

from packhouse_connector import Chunk, Conflict, InvalidRequest, NotFound, ObjectRef, Packhouse
from packhouse_connector.core.paging import PAGE
from tests.connector.gateway import Gateway
from tests.connector.words import DIMENSIONS

ANIMALS = (
    Chunk("Cats meow at night", id="cat", object=ObjectRef("1", "animal"), metadata={"lang": "en", "tag": ["a", "b"]}),
    Chunk("Dogs bark at cats", id="dog", object=ObjectRef("2", "animal"), metadata={"lang": "en"}),
    Chunk("Katzen miauen nachts", id="katze", object=ObjectRef("1", "tier"), metadata={"lang": "de"}),
)


def test_collections_come_and_go(ph: Packhouse) -> None:
    assert [one.name for one in ph.knowledge.collections()] == ["default"]
    news = ph.knowledge.create_collection("news & more, 100 %?")
    news.insert("Nothing new.")
    assert (news.describe().name, news.describe().chunks) == ("news & more, 100 %?", 1)
    created_at = news.describe().created_at
    assert created_at is not None
    assert created_at.tzinfo is not None
    with pytest.raises(Conflict):
        ph.knowledge.create_collection("news & more, 100 %?")
    ph.knowledge.delete_collection("news & more, 100 %?")
    with pytest.raises(NotFound):
        news.describe()


def test_the_state_of_the_knowledge_base(ph: Packhouse) -> None:
    (base,) = ph.knowledge.bases()
    assert (base.id, base.name, base.embeddings_model, base.dimensions) == (
        "res_kb",
        "Handbook",
        "local-embeddings",
        DIMENSIONS,
    )
    assert base.disk_limit_bytes == 10 * 1024**3


def test_one_of_several_knowledge_bases_is_named_in_every_call(ph: Packhouse, gateway: Gateway) -> None:
    base = ph.knowledge_base("res_kb")
    kb = base.collection()
    kb.insert("text")
    kb.search("text")
    document = kb.upload(b"text", name="a.txt")
    document.wait()
    document.delete()
    list(kb.list())
    list(kb.documents())
    base.collections()
    base.document(kb.upload(b"other", name="b.txt").id)
    base.create_collection("x")
    base.delete_collection("x")
    kb.delete(ids=["a"])
    assert {seen.query["resource"] for seen in gateway.seen} == {"res_kb"}


def test_insert_takes_texts_and_chunks_one_by_one_or_in_lists(ph: Packhouse, gateway: Gateway) -> None:
    kb = ph.knowledge.collection()
    done = kb.insert("one", ANIMALS[0], ["two", ANIMALS[1]], (text for text in ["three"]))
    assert (done.chunks, done.usage.input_tokens) == (5, 11)
    assert done.ids[1] == "cat"
    assert gateway.last.json["mode"] == "insert"
    assert gateway.last.json["chunks"][:2] == [
        {"text": "one"},
        {
            "text": "Cats meow at night",
            "id": "cat",
            "object": {"id": "1", "type": "animal"},
            "metadata": {"lang": "en", "tag": ["a", "b"]},
        },
    ]


def test_an_object_is_replaced_and_a_collection_repopulated(ph: Packhouse) -> None:
    kb = ph.knowledge.collection()
    kb.insert(ANIMALS)
    kb.replace_objects(Chunk("Dogs sleep", id="dog2", object=ObjectRef("2")))
    assert {one.id for one in kb.list()} == {"cat", "dog", "katze", "dog2"}, "one without a type is another object"
    kb.replace_objects(Chunk("Dogs sleep", id="dog3", object=ObjectRef("2", "animal")))
    assert {one.id for one in kb.list()} == {"cat", "katze", "dog2", "dog3"}
    kb.repopulate(["one", "two"])
    assert [one.text for one in kb.list()] == ["one", "two"]


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        ({"ids": ["cat", "dog", "no such"]}, {"katze"}),
        ({"object": "1"}, {"cat", "dog", "katze"}),
        ({"object": ObjectRef("1", "tier")}, {"cat", "dog"}),
        ({"objects": [ObjectRef("2", "animal"), ObjectRef("1", "animal")]}, {"katze"}),
        ({"filter": {"$object_id": "1"}}, {"dog"}),
        ({"filter": {"$not": {"lang": "en"}}}, {"cat", "dog"}),
    ],
)
def test_chunks_are_deleted_by_what_chooses_them(ph: Packhouse, selection: dict[str, object], left: set[str]) -> None:
    kb = ph.knowledge.collection()
    kb.insert(ANIMALS)
    assert kb.delete(**selection) == 3 - len(left)  # pyright: ignore[reportArgumentType]
    assert {one.id for one in kb.list()} == left


def test_a_filter_that_chooses_all_is_refused_and_repopulating_empties(ph: Packhouse) -> None:
    kb = ph.knowledge.collection()
    kb.insert(ANIMALS)
    with pytest.raises(InvalidRequest):
        kb.delete(filter={})
    assert kb.repopulate().chunks == 0
    assert kb.count() == 0


def test_a_name_stays_one_segment_of_the_path(ph: Packhouse, gateway: Gateway) -> None:
    with pytest.raises(NotFound):
        ph.knowledge.collection("a/../b").describe()
    assert gateway.last.raw_path == "/v1/knowledge/collections/a%2F..%2Fb"


@pytest.mark.parametrize("selection", [{}, {"ids": ["a"], "object": "1"}, {"id": "a"}, {"ids": "cat"}])
def test_a_deletion_that_is_not_clear_is_not_sent(
    ph: Packhouse, gateway: Gateway, selection: dict[str, object]
) -> None:
    with pytest.raises(TypeError):
        ph.knowledge.collection().delete(**selection)  # pyright: ignore[reportArgumentType]
    assert gateway.seen == []


def test_listing_goes_page_by_page(ph: Packhouse, gateway: Gateway) -> None:
    kb = ph.knowledge.collection()
    kb.insert([Chunk(f"text {number}", metadata={"odd": str(number % 2)}) for number in range(2 * PAGE + 5)])
    listing = kb.list()
    calls = len(gateway.seen)
    assert next(listing).text == "text 0"
    assert len(gateway.seen) == calls + 1
    assert [one.text for one in listing] == [f"text {number}" for number in range(1, 2 * PAGE + 5)]
    assert len(gateway.seen) == calls + 3
    assert [one.text for one in kb.list(offset=PAGE - 1, limit=2)] == [f"text {PAGE - 1}", f"text {PAGE}"]
    assert [one.text for one in kb.list(filter={"odd": "1"}, limit=2)] == ["text 1", "text 3"]
    assert list(kb.list(limit=0)) == []
    assert (kb.count(), kb.count({"odd": "1"})) == (2 * PAGE + 5, PAGE + 2)


def test_a_stored_chunk_tells_all_it_has(ph: Packhouse) -> None:
    kb = ph.knowledge.collection()
    kb.insert(ANIMALS[0])
    (stored,) = kb.list()
    assert (stored.id, stored.text, stored.object) == ("cat", "Cats meow at night", ObjectRef("1", "animal"))
    assert stored.metadata == {"lang": ("en",), "tag": ("a", "b")}


def test_search_finds_the_nearest_first(ph: Packhouse, gateway: Gateway) -> None:
    kb = ph.knowledge.collection()
    kb.insert(ANIMALS)
    found = kb.search("cats at night")
    assert [one.id for one in found] == ["cat", "dog", "katze"]
    assert found[0].similarity is not None
    assert found[0].similarity > 0.8
    assert (len(found), found[1:][0].id, found.usage.input_tokens) == (3, "dog", 3)
    assert gateway.last.json == {"text": "cats at night", "collections": ["default"]}


def test_search_is_narrowed(ph: Packhouse, gateway: Gateway) -> None:
    kb = ph.knowledge.collection()
    kb.insert(ANIMALS)
    found = kb.search("cats at night", max_results=1, minimum_similarity=0.1, filter={"lang": "en"}, mode="hybrid")
    assert [one.id for one in found] == ["cat"]
    assert gateway.last.json == {
        "text": "cats at night",
        "collections": ["default"],
        "max_results": 1,
        "minimum_similarity": 0.1,
        "filter": {"lang": "en"},
        "mode": "hybrid",
    }
    assert [one.similarity for one in kb.search("cats", mode="keyword", max_results=1)] == [None]


def test_search_over_all_collections_or_some(ph: Packhouse, gateway: Gateway) -> None:
    ph.knowledge.collection().insert("Cats meow")
    ph.knowledge.create_collection("news").insert("Cats elected")
    assert len(ph.knowledge.search("cats")) == 2
    assert "collections" not in gateway.last.json
    assert [one.text for one in ph.knowledge.search("cats", collections=["news"])] == ["Cats elected"]
