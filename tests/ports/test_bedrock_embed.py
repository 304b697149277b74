"""Cohere's Embed at Bedrock: bodies of both versions, both shapes of answers, every type of vector."""

import json
import struct
from typing import Any

import pytest

from packhouse.adapters.models.bedrock.embed import embed_body, inputs_max, read_vectors
from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import EmbedAnswer, EmbedInput, EmbedRequest, TypedVectors
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

V3, V4 = "cohere.embed-multilingual-v3", "eu.cohere.embed-v4:0"
PICTURE = EmbedInput((Image("image/png", bytes(3)),))
BOTH = EmbedInput((Text("a"), Image("image/jpeg", bytes(3))))
URL = "data:image/png;base64,AAAA"


def asked(*inputs: Any, model: str = V4, **more: Any) -> EmbedRequest:
    return EmbedRequest(model=model, inputs=inputs or ("a", "b"), **more)


def body_of(request: EmbedRequest) -> dict[str, Any]:
    return json.loads(embed_body(request))


@pytest.mark.parametrize("model", [V3, V4])
def test_texts(model: str) -> None:
    request = asked("a", EmbedInput((Text("b"),)), model=model, input_type="search_query", truncate="end")
    assert body_of(request) == {
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "truncate": "END",
    }


def test_an_image_goes_as_what_its_bytes_are_and_a_type_that_is_not_taken_is_refused() -> None:
    png = EmbedInput((Image("image/bmp", b"\x89PNG"),))
    assert body_of(asked(png))["images"] == ["data:image/png;base64,iVBORw=="]
    with pytest.raises(Refused, match="image/png, image/jpeg, image/gif, image/webp, not image/bmp") as caught:
        embed_body(asked(EmbedInput((Image("image/bmp", b"BM"),))))
    assert caught.value.code == "unsupported"


def test_what_the_fourth_version_takes_beside() -> None:
    request = asked(dimensions=512, types=("base64", "float", "int8", "ubinary"), input_tokens_max=100)
    assert body_of(request) == {
        "texts": ["a", "b"],
        "input_type": "search_document",
        "embedding_types": ["float", "int8", "ubinary"],
        "output_dimension": 512,
        "max_tokens": 100,
    }


def test_images() -> None:
    request = asked(PICTURE, PICTURE, input_type="image")
    images = {"images": [URL, URL], "embedding_types": ["float"]}
    assert body_of(request) == images | {"input_type": "search_document"}
    assert inputs_max(request) == 96
    third = asked(PICTURE, model=V3)
    assert body_of(third) == {"images": [URL], "input_type": "image", "embedding_types": ["float"]}
    assert inputs_max(third) == inputs_max(asked("a", PICTURE, model=V3)) == 1
    assert inputs_max(asked(model=V3)) == 96


def test_texts_and_images_together() -> None:
    assert body_of(asked("x", BOTH))["inputs"] == [
        {"content": [{"type": "text", "text": "x"}]},
        {
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}},
            ]
        },
    ]


@pytest.mark.parametrize(
    "request_",
    [
        asked((1, 2)),
        asked(BOTH, model=V3),
        asked(EmbedInput((Image("image/png", url="https://a/b.png"),))),
        asked(model=V3, dimensions=512),
        asked(model=V3, input_tokens_max=9),
    ],
)
def test_what_the_models_do_not_take(request_: EmbedRequest) -> None:
    with pytest.raises(Refused) as caught:
        embed_body(request_)
    assert caught.value.code == "unsupported"


def test_the_third_versions_one_size_may_be_named() -> None:
    assert "output_dimension" not in body_of(asked(model=V3, dimensions=1024))


TOKENS = ModelTokens(7)


def read(embeddings: object, *inputs: Any, **more: Any) -> EmbedAnswer:
    body = json.dumps({"id": "x", "response_type": "y", "texts": [], "embeddings": embeddings}).encode()
    return read_vectors(body, asked(*inputs, **more), tokens=TOKENS)


def test_both_shapes() -> None:
    rows = [[0.5, -1], [0.25, 3e-8]]
    wanted = EmbedAnswer(tuple(struct.pack("<2f", *row) for row in rows), 2, TOKENS)
    assert read(rows) == read({"float": rows}) == read({"float": rows}, types=("base64",)) == wanted


def test_every_type() -> None:
    embeddings = {
        "float": [[0.5] * 8],
        "int8": [[-128, 127, 0, 0, 0, 0, 0, 1]],
        "uint8": [[0, 255, 0, 0, 0, 0, 0, 1]],
        "binary": [[-128]],
        "ubinary": [[255]],
    }
    answer = read(embeddings, "a", types=("float", "int8", "uint8", "binary", "ubinary"))
    assert answer.dimensions == 8
    assert answer.typed == (
        TypedVectors("int8", (b"\x80\x7f\x00\x00\x00\x00\x00\x01",)),
        TypedVectors("uint8", (b"\x00\xff\x00\x00\x00\x00\x00\x01",)),
        TypedVectors("binary", (b"\x80",)),
        TypedVectors("ubinary", (b"\xff",)),
    )
    binary = read({"ubinary": [[255, 0]]}, "a", types=("ubinary",))
    assert (binary.vectors, binary.dimensions) == ((), 16)


def test_image_tokens() -> None:
    assert read([[1.0]], PICTURE).image_tokens == 7
    assert read([[1.0], [1.0]], "a", PICTURE).image_tokens == 0


@pytest.mark.parametrize(
    ("embeddings", "types"),
    [
        ([[1.0]], ("float",)),
        ([[1.0], [1.0, 2.0]], ("float",)),
        ([[], []], ("float",)),
        ([], ("float",)),
        ([[1e300], [1.0]], ("float",)),
        (None, ("float",)),
        ([[1.0], ["x"]], ("float",)),
        ({}, ("float",)),
        ({"int8": [[1], [2]]}, ("float",)),
        ({"float": [[1.0], [2.0]]}, ("float", "int8")),
        ({"float": [[1.0], [2.0]], "int8": [[1]]}, ("float", "int8")),
        ({"int8": [[200], [2]]}, ("int8",)),
    ],
)
def test_what_is_no_answer(embeddings: object, types: Any) -> None:
    with pytest.raises(Refused) as caught:
        read(embeddings, types=types)
    assert caught.value.code == "provider_malformed"
