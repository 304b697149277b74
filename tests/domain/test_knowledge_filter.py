"""The public filter: what it means, and a clear no for what it cannot mean."""

import json

import pytest

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import EVERYTHING, All, AnyOf, Chunk, FieldIs, Filter, MetadataIs, Not, ObjectRef
from packhouse.domain.knowledge_filter import decode_filter, matches, parse_filter
from packhouse.domain.units import DocumentId

CHUNK = Chunk(
    id="a",
    text="",
    object=ObjectRef("o", "page"),
    document_id=DocumentId("doc_1"),
    metadata=(("lang", "en"), ("lang", "de"), ("empty", "")),
)
BARE = Chunk(id="b", text="")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({}, EVERYTHING),
        ({"lang": "en"}, MetadataIs("lang", ("en",))),
        ({"lang": ["en", "de"]}, MetadataIs("lang", ("en", "de"))),
        ({"a": "1", "$id": "x"}, All((MetadataIs("a", ("1",)), FieldIs("id", ("x",))))),
        ({"$and": [{"a": "1"}, {}]}, All((MetadataIs("a", ("1",)), EVERYTHING))),
        ({"$or": [{"a": "1"}]}, AnyOf((MetadataIs("a", ("1",)),))),
        ({"$not": {"$object_type": "t"}}, Not(FieldIs("object_type", ("t",)))),
        ({"$document_id": ["d"]}, FieldIs("document_id", ("d",))),
        ({"": ""}, MetadataIs("", ("",))),
    ],
)
def test_reads(written: object, read: Filter) -> None:
    assert parse_filter(written) == read
    assert decode_filter(json.dumps(written)) == read


def test_nothing_is_everything() -> None:
    assert parse_filter(None) == decode_filter("") == decode_filter(b" ") == EVERYTHING


def nested(levels: int) -> object:
    inner: object = {"a": "1"}
    for _ in range(levels):
        inner = {"$not": inner}
    return inner


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ([], "JSON object"),
        ("x", "JSON object"),
        ({"$and": []}, "`$and`"),
        ({"$or": {"a": "1"}}, "`$or`"),
        ({"$or": [1]}, "`$or`"),
        ({"$not": []}, "`$not`"),
        ({"$near": "x"}, "`$near`"),
        ({"year": 2024}, "`year`"),
        ({"year": []}, "`year`"),
        ({"year": None}, "`year`"),
        ({"year": ["1", 2]}, "`year`"),
        ({"$id": {"a": "b"}}, "`$id`"),
        (nested(9), "nested"),
        ({"$or": [{"a": "1"}] * 257}, "comparisons"),
        ({"$id": ["x"] * 10_001}, "values"),
        ({"k" * 500: 1}, "…`"),
    ],
)
def test_refuses_and_names_the_part(written: object, named: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_filter(written)
    assert refused.value.code == "filter_invalid"
    assert named in refused.value.message
    assert len(refused.value.message) < 300


def test_the_limits_themselves_are_fine() -> None:
    parse_filter(nested(8))
    parse_filter({"$or": [{"a": "1"}] * 256})


@pytest.mark.parametrize("text", ["{", '{"a":"\\ud800"}', "{}x", b"\xff", "[" * 100_000])
def test_what_is_not_json(text: str | bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_filter(text)
    assert refused.value.code == "filter_invalid"


@pytest.mark.parametrize(
    ("written", "bare", "chunk"),
    [
        ({}, True, True),
        ({"lang": "de"}, False, True),
        ({"lang": ["fr", "en"]}, False, True),
        ({"lang": "EN"}, False, False),
        ({"empty": ""}, False, True),
        ({"$not": {"lang": "en"}}, True, False),
        ({"$id": ["a", "b"]}, True, True),
        ({"$object_id": "o", "$object_type": "page"}, False, True),
        ({"$not": {"$object_id": "o"}}, True, False),
        ({"$or": [{"$document_id": "doc_1"}, {"$id": "b"}]}, True, True),
        ({"$object_type": ""}, False, False),
    ],
)
def test_means(written: object, *, bare: bool, chunk: bool) -> None:
    chosen = parse_filter(written)
    assert (matches(chosen, BARE), matches(chosen, CHUNK)) == (bare, chunk)
    assert not matches(AnyOf(), CHUNK)
