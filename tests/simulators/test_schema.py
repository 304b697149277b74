"""Values made from schemas fit them; vectors are of unit length and always the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from packhouse.simulators.schema import example
from packhouse.simulators.vectors import binary, int8, ubinary, uint8, vector

LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 3, "maxLength": 9},
        {"type": "string", "enum": ["a", "b"]},
        {"const": 7},
        {"type": "integer", "minimum": 4},
        {"type": "integer", "exclusiveMinimum": 4, "maximum": 9},
        {"type": "number", "maximum": -1},
        {"type": "integer", "multipleOf": 5},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["null", "integer"]},
        {"type": "string", "format": "date"},
        {"$ref": "#/$defs/name"},
        {},
    ]
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    as_object = properties.map(
        lambda it: {"type": "object", "properties": it, "required": sorted(it), "additionalProperties": False}
    )
    as_array = st.tuples(inner, st.integers(0, 3)).map(
        lambda it: {"type": "array", "items": it[0], "minItems": it[1], "maxItems": 3}
    )
    return as_object | as_array | inner.map(lambda it: {"anyOf": [it]}) | inner.map(lambda it: {"allOf": [it]})


@given(st.recursive(LEAVES, objects, max_leaves=12), st.text(max_size=5))
def test_a_value_fits_its_schema(schema: Any, text: str) -> None:
    whole = {"$defs": {"name": {"type": "string", "minLength": 1}}, **schema}
    Draft202012Validator(whole).validate(example(whole, text=text))


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert example(tree)["next"]["next"]


@given(st.text(max_size=60), st.sampled_from([1, 8, 256, 1536]))
def test_vectors(text: str, dimensions: int) -> None:
    floats = vector(text, dimensions)
    assert len(floats) == dimensions
    assert sum(cell * cell for cell in floats) == pytest.approx(1.0, abs=1e-5)
    assert vector.__wrapped__(text, dimensions) == floats
    assert [value - 128 for value in uint8(floats)] == int8(floats)
    assert len(ubinary(floats)) == -(-dimensions // 8)
    assert [value + 128 for value in binary(floats)] == ubinary(floats)


def test_texts_that_share_words_lie_closer() -> None:
    one, near, far = (vector(text, 1024) for text in ("the red bicycle", "a red bicycle", "tax law of 1977"))

    def similar(left: tuple[float, ...], right: tuple[float, ...]) -> float:
        return sum(a * b for a, b in zip(left, right, strict=True))

    assert similar(one, near) > 0.5 > similar(one, far)
