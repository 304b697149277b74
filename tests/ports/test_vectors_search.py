"""Vector engines: nearest neighbours and words, measured by brute force."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from packhouse.domain.knowledge import (
    EVERYTHING,
    All,
    AnyOf,
    Chunk,
    EmbeddedChunk,
    FieldIs,
    Filter,
    Found,
    MetadataIs,
    Not,
)
from packhouse.domain.knowledge_filter import matches
from packhouse.domain.units import CollectionId, ResourceId
from tests.support.vectors import (
    COLLECTION,
    DIMENSIONS,
    OTHER,
    Subject,
    collection,
    embedded,
    random_vectors,
    similarities,
)

pytestmark = pytest.mark.anyio

TOLERANCE = 1e-3
BoolArray = NDArray[np.bool_]


class Yardstick:
    """Answers by brute force."""

    def __init__(self, chunks: Sequence[EmbeddedChunk]) -> None:
        self._ids = [each.chunk.id for each in chunks]
        self._chunks = chunks
        self._passing = dict[Filter, BoolArray]()

    def best(self, vector: bytes, chosen: Filter, most: int) -> list[tuple[str, float]]:
        """Ids and cosines of the best that pass, best first."""
        if chosen not in self._passing:
            self._passing[chosen] = np.array([matches(chosen, each.chunk) for each in self._chunks], dtype=np.bool_)
        passing = self._passing[chosen]
        cosines = np.where(passing, similarities(self._chunks, vector), -np.inf)
        ranked = [int(place) for place in np.argsort(-cosines)[: min(most, int(passing.sum()))]]
        return [(self._ids[place], float(cosines[place])) for place in ranked]


def assert_are_best(found: Sequence[Found], expected: Sequence[tuple[str, float]]) -> None:
    """The same similarities in the same order; the same chunks, but for those that tie."""
    assert len(found) == len(expected)
    for each, (_, cosine) in zip(found, expected, strict=True):
        assert each.similarity is not None
        assert abs(each.similarity - cosine) < TOLERANCE
        assert each.score == each.similarity
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    if expected:
        sure = {id_ for id_, cosine in expected if cosine > expected[-1][1] + TOLERANCE}
        assert sure <= {each.chunk.id for each in found}


def labelled(count: int, *, dimensions: int = DIMENSIONS, seed: int = 0, scale: float = 1.0) -> list[EmbeddedChunk]:
    """Chunks of which a half, a tenth, … carry a mark; vectors around centres, not of length 1."""
    vectors = random_vectors(count, dimensions=dimensions, seed=seed, centres=count // 20 + 1) * np.float32(scale)
    return [
        embedded(
            Chunk(
                id=f"c{n}",
                text=f"chunk number{n}",
                metadata=tuple((f"every{step}", "yes" if n % step == 0 else "no") for step in (2, 10, 100, 1_000)),
            ),
            vectors[n],
        )
        for n in range(count)
    ]


MARKS: list[Filter] = [
    EVERYTHING,
    *(MetadataIs(f"every{step}", ("yes",)) for step in (2, 10, 100, 1_000)),
    MetadataIs("every1000", ("no",)),
    Not(MetadataIs("every10", ("no", "maybe"))),
    All((MetadataIs("every2", ("no",)), MetadataIs("every10", ("no",)))),
    AnyOf((MetadataIs("every1000", ("yes",)), FieldIs("id", ("c7", "c8")))),
    MetadataIs("every10", ("never",)),
]


async def test_a_small_collection_is_searched_exactly(subject: Subject) -> None:
    chunks = labelled(90, scale=37.0)
    await subject.store.put(COLLECTION, chunks[:50])
    await subject.store.put(COLLECTION, chunks[50:])
    yardstick = Yardstick(chunks)
    for query in random_vectors(5, seed=9):
        vector = (query * 0.01).tobytes()
        for chosen in MARKS:
            for most in (1, 10, 200):
                found = await subject.store.nearest(
                    [COLLECTION], vector, chosen=chosen, max_results=most, minimum_similarity=-1
                )
                assert_are_best(found, yardstick.best(vector, chosen, most))


async def test_results_carry_the_whole_chunk(subject: Subject) -> None:
    chunks = labelled(5)
    await subject.store.put(COLLECTION, chunks)
    found = await subject.store.nearest(
        [COLLECTION], chunks[3].vector, chosen=EVERYTHING, max_results=1, minimum_similarity=-1
    )
    assert found == [Found(COLLECTION, chunks[3].chunk, found[0].similarity, found[0].score)]
    assert (
        await subject.store.nearest(
            [COLLECTION], chunks[3].vector, chosen=EVERYTHING, max_results=0, minimum_similarity=-1
        )
        == []
    )


async def test_the_minimum_is_held_and_opposites_are_found(subject: Subject) -> None:
    angles = np.linspace(0, np.pi, 19)
    chunks = list[EmbeddedChunk]()
    for number, angle in enumerate(angles):
        vector = [float(np.cos(angle)), float(np.sin(angle)), *[0.0] * (DIMENSIONS - 2)]
        chunks.append(embedded(Chunk(id=f"{number:02}", text="t"), vector))
    await subject.store.put(COLLECTION, chunks)
    query = chunks[0].vector
    for minimum in (-1.0, -0.55, 0.05, 0.72, 0.999):
        found = await subject.store.nearest(
            [COLLECTION], query, chosen=EVERYTHING, max_results=100, minimum_similarity=minimum
        )
        assert [each.chunk.id for each in found] == [
            f"{n:02}" for n in range(19) if np.cos(angles[n]) >= minimum - 1e-9
        ]
    assert (
        await subject.store.nearest([COLLECTION], query, chosen=EVERYTHING, max_results=9, minimum_similarity=1.5) == []
    )


async def test_several_collections_are_searched_as_one(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "other"))
    await subject.store.create_collection(collection(CollectionId("col_3"), "empty"))
    chunks = labelled(60)
    await subject.store.put(COLLECTION, chunks[::2])
    await subject.store.put(OTHER, chunks[1::2])
    query = random_vectors(1, seed=5)[0].tobytes()
    places = [COLLECTION, OTHER, CollectionId("col_3"), OTHER]
    found = await subject.store.nearest(places, query, chosen=EVERYTHING, max_results=20, minimum_similarity=-1)
    assert_are_best(found, Yardstick(chunks).best(query, EVERYTHING, 20))
    assert len({(each.collection_id, each.chunk.id) for each in found}) == 20
    assert {each.collection_id for each in found} == {COLLECTION, OTHER}


@pytest.mark.parametrize("dimensions", [DIMENSIONS, 256])
async def test_a_filter_never_costs_results_at_any_size(subject: Subject, dimensions: int) -> None:
    """Before there is an index, over it, and with chunks that came and went since it was built."""
    store = await subject.engine.open(ResourceId("res_2"), dimensions)
    await store.create_collection(collection())
    subject = replace(subject, store=store)
    chunks = {each.chunk.id: each for each in labelled(3_000, dimensions=dimensions)}
    await subject.store.put(COLLECTION, list(chunks.values()))
    await assert_recall(subject, chunks, exact=True)
    await subject.settle()
    await assert_recall(subject, chunks, exact=False)
    for each in labelled(3_400, dimensions=dimensions, seed=4)[2_600:]:
        chunks[each.chunk.id] = each
    await subject.store.put(COLLECTION, [chunks[f"c{n}"] for n in range(2_600, 3_400)])
    gone = tuple(f"c{n}" for n in range(0, 3_000, 3))
    await subject.store.delete(COLLECTION, FieldIs("id", gone))
    for id_ in gone:
        del chunks[id_]
    await assert_recall(subject, chunks, exact=False)
    await subject.settle()
    await assert_recall(subject, chunks, exact=False)


async def assert_recall(subject: Subject, chunks: dict[str, EmbeddedChunk], *, exact: bool) -> None:
    held = list(chunks.values())
    yardstick = Yardstick(held)
    assert await subject.store.count(COLLECTION, EVERYTHING) == len(held)
    wanted = hit = 0
    for near in held[:: len(held) // 4]:
        query = np.frombuffer(near.vector, "<f4")
        vector = (query + 0.5 * random_vectors(1, dimensions=query.size, seed=len(held))[0]).tobytes()
        for chosen in MARKS:
            expected = yardstick.best(vector, chosen, 10)
            found = await subject.store.nearest(
                [COLLECTION], vector, chosen=chosen, max_results=10, minimum_similarity=-1
            )
            assert len(found) == len(expected)
            assert all(matches(chosen, each.chunk) for each in found)
            if exact:
                assert_are_best(found, expected)
            if len(expected) < 10:
                assert {each.chunk.id for each in found} == {id_ for id_, _ in expected}
            wanted += len(expected)
            hit += len({each.chunk.id for each in found} & {id_ for id_, _ in expected})
    assert hit / wanted > 0.99


# words

TEXTS = {
    "en": "The quick brown fox jumps over the lazy dog's bed",
    "de": "Straßenbahnen fahren über die große Brücke",
    "fr": "La forêt est près de l'école élémentaire",
    "zh": "北京大学是中国最好的大学之一",
    "ja": "東京は日本の首都です",
    "th": "ภาษาไทยเป็นภาษาที่สวยงาม",
    "ar": "اللغة العربية جميلة",
    "ru": "Москва является столицей России",
    "code": "call retry_after(seconds=30) on HTTP-429 in v1.2.3",
}
ASKED = {
    "fox": "en",
    "QUICK": "en",
    "große": "de",
    "straßenbahnen": "de",
    "foret": "fr",
    "élémentaire": "fr",
    "大学": "zh",
    "北京": "zh",
    "日本": "ja",
    "首都": "ja",
    "ภาษา": "th",
    "العربية": "ar",
    "москва": "ru",
    "429": "code",
    "retry": "code",
    "seconds": "code",
}


async def test_words_of_many_languages_are_found_at_once_and_later(subject: Subject) -> None:
    chunks = [Chunk(id=id_, text=text) for id_, text in TEXTS.items()]
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks[:4]])
    await subject.settle()
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks[4:]])
    for _ in range(2):
        for text, expected in ASKED.items():
            found = await subject.store.keyword([COLLECTION], text, chosen=EVERYTHING, max_results=5)
            assert [each.chunk.id for each in found] == [expected], text
            assert found[0].similarity is None
            assert found[0].chunk.text == TEXTS[expected]
        await subject.settle()


async def test_rarer_words_and_more_of_them_come_first(subject: Subject) -> None:
    texts = {f"f{n}": f"common filler number {n}" for n in range(30)}
    texts |= {"one": "common walrus sentence here", "both": "walrus narwhal sentence here", "none": "something else"}
    await subject.store.put(COLLECTION, [embedded(Chunk(id=id_, text=text)) for id_, text in texts.items()])
    found = await subject.store.keyword([COLLECTION], "common walrus narwhal", chosen=EVERYTHING, max_results=3)
    assert [each.chunk.id for each in found][:2] == ["both", "one"]
    assert len(found) == 3
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


async def test_words_pass_filters_before_the_search(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "other"))
    chunks = [
        Chunk(id=f"c{n}", text="walrus " * (n % 5 + 1), metadata=(("mark", "yes" if n % 50 == 7 else "no"),))
        for n in range(200)
    ]
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks[:120]])
    await subject.settle()
    await subject.store.put(COLLECTION, [embedded(chunk) for chunk in chunks[120:]])
    await subject.store.put(OTHER, [embedded(Chunk(id="elsewhere", text="walrus", metadata=(("mark", "yes"),)))])
    found = await subject.store.keyword(
        [COLLECTION, OTHER], "walrus", chosen=MetadataIs("mark", ("yes",)), max_results=10
    )
    assert sorted(each.chunk.id for each in found) == ["c107", "c157", "c57", "c7", "elsewhere"]


async def test_words_of_deleted_and_replaced_chunks_are_gone(subject: Subject) -> None:
    await subject.store.put(COLLECTION, [embedded(Chunk(id=id_, text="walrus")) for id_ in "abc"])
    await subject.settle()
    await subject.store.put(COLLECTION, [embedded(Chunk(id="a", text="narwhal"))])
    await subject.store.delete(COLLECTION, FieldIs("id", ("b",)))
    for _ in range(2):
        walrus = await subject.store.keyword([COLLECTION], "walrus", chosen=EVERYTHING, max_results=9)
        narwhal = await subject.store.keyword([COLLECTION], "narwhal", chosen=EVERYTHING, max_results=9)
        assert ([each.chunk.id for each in walrus], [each.chunk.id for each in narwhal]) == (["c"], ["a"])
        await subject.settle()


@pytest.mark.parametrize("text", ["", " ", "?!", "\x00", '{"match":1}', "a" * 10_000, "x AND OR NOT (", '"unclosed'])
async def test_no_text_breaks_the_word_search(subject: Subject, text: str) -> None:
    await subject.store.put(COLLECTION, [embedded(Chunk(id="w", text="walrus"))])
    assert await subject.store.keyword([COLLECTION], text, chosen=EVERYTHING, max_results=3) == []
