"""What Cohere's dialect says of vectors is what they are, and what it is asked is what was said."""

import base64
import json
import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.scripted_vectors import typed_vectors
from packhouse.domain.embedding import TypedVectors, VectorType
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.cohere.read import read_embed, request_of
from packhouse.entrypoints.gateway.cohere.write import Answer, floats_body, typed_body
from packhouse.services.embeddings import Embedded

WIDTH = 16
TYPES: tuple[VectorType, ...] = ("float", "int8", "uint8", "binary", "ubinary", "base64")
FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=WIDTH, max_size=WIDTH)
ANSWER = Answer("emb_1", "2", ("a",))


@given(rows=st.lists(FLOATS, min_size=1, max_size=4), types=st.lists(st.sampled_from(TYPES), min_size=1, unique=True))
def test_every_type_is_written_as_it_came(rows: list[list[float]], types: list[VectorType]) -> None:
    vectors = tuple(struct.pack(f"<{WIDTH}f", *row) for row in rows)
    packed = tuple(bytes((row * 7 + at * 19) % 256 for at in range(WIDTH)) for row in range(len(rows)))
    typed = tuple(TypedVectors(kind, packed) for kind in types if kind not in {"float", "base64"})
    embedded = Embedded(vectors, WIDTH, ModelTokens(5), "m", typed, 2)
    body = json.loads(typed_body(ANSWER, embedded, types=types))
    assert set(body["embeddings"]) == set(types)
    for kind, given_rows in body["embeddings"].items():
        if kind == "float":
            assert given_rows == rows
        elif kind == "base64":
            assert tuple(map(base64.b64decode, given_rows)) == vectors
        else:
            code = "b" if kind in {"int8", "binary"} else "B"
            assert tuple(array(code, row).tobytes() for row in given_rows) == packed
    assert body["meta"]["billed_units"] == {"input_tokens": 3, "image_tokens": 2}


@given(rows=st.lists(FLOATS, min_size=1, max_size=4))
def test_the_older_shape_is_a_list(rows: list[list[float]]) -> None:
    vectors = tuple(struct.pack(f"<{WIDTH}f", *row) for row in rows)
    body = json.loads(floats_body(ANSWER, Embedded(vectors, WIDTH, ModelTokens(1), "m")))
    assert (body["embeddings"], body["response_type"]) == (rows, "embeddings_floats")


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_the_scripted_types_are_of_the_same_numbers(vector: list[float]) -> None:
    int8, uint8, binary, ubinary = (each.vectors[0] for each in typed_vectors([vector], TYPES))
    whole = array("b", int8).tolist()
    assert whole == pytest.approx([each * 127 for each in vector], abs=0.5)
    assert array("B", uint8).tolist() == [each + 128 for each in whole]
    assert array("b", binary).tolist() == [each - 128 for each in ubinary]
    bits = "".join(f"{each:08b}" for each in ubinary)
    assert bits == "".join("1" if each > 0 else "0" for each in vector).ljust(len(ubinary) * 8, "0")


@given(st.binary(min_size=1, max_size=50), st.sampled_from(["png", "jpeg", "webp", "gif"]))
def test_an_image_is_read_as_it_was_written(data: bytes, kind: str) -> None:
    url = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    request = request_of(read_embed(json.dumps({"images": [url]}).encode()))
    (given_input,) = request.inputs
    assert not isinstance(given_input, str | tuple)
    (image,) = given_input.parts
    assert (getattr(image, "media_type", ""), getattr(image, "data", b"")) == (f"image/{kind}", data)


@given(st.text(max_size=60).filter(lambda it: "base64" not in it))
def test_what_is_no_data_url_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        request_of(read_embed(json.dumps({"images": [f"data:{text}"]}).encode()))
