"""What is held for embeddings is never less than what any provider reported; sizes of pictures are read rightly."""

import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import EmbedInput
from packhouse.domain.embedding_estimate import (
    TOKENS_PER_SMALL_IMAGE,
    image_bound,
    input_bound,
    text_bound,
)
from packhouse.domain.estimate import TOKENS_PER_IMAGE
from packhouse.domain.picture import pixels_of
from tests.support.needs import SHARED


def drawn(kind: str, size: tuple[int, int], **how: Any) -> bytes:
    buffer = BytesIO()
    Picture.new("RGB", size, "red").save(buffer, kind, **how)
    return buffer.getvalue()


def with_a_thumbnail() -> bytes:
    exif = Picture.Exif()
    exif[0x010E] = "x" * 500
    return drawn("JPEG", (321, 45), exif=exif, progressive=True)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@given(width=st.integers(1, 900), height=st.integers(1, 900))
def test_the_size_of_a_picture(kind: str, width: int, height: int) -> None:
    assert pixels_of(drawn(kind, (width, height))) == (width, height)


def test_what_stands_before_the_size_is_passed_over() -> None:
    assert pixels_of(with_a_thumbnail()) == (321, 45)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a"]))
def test_what_is_no_picture_has_no_size_or_one_that_is_some(data: bytes, start: bytes) -> None:
    size = pixels_of(start + data)
    assert size is None or min(size) > 0


def test_a_picture_is_held_at_what_its_size_may_cost() -> None:
    small = image_bound(Image(data=drawn("PNG", (28, 28))))
    middle = image_bound(Image(data=drawn("JPEG", (560, 560))))
    assert TOKENS_PER_SMALL_IMAGE < small < middle < TOKENS_PER_IMAGE
    assert middle >= 400, "20 by 20 squares"
    assert image_bound(Image(data=drawn("PNG", (3_000, 3_000)))) == TOKENS_PER_IMAGE
    assert image_bound(Image(data=drawn("GIF", (28, 28)))) == TOKENS_PER_IMAGE
    assert image_bound(Image(url="https://images.example/1")) == TOKENS_PER_IMAGE


@given(st.text())
def test_a_text_is_held_at_its_bytes_or_more(text: str) -> None:
    assert text_bound(text) >= len(text.encode())


def test_a_character_that_stands_for_many_counts_as_many() -> None:
    assert text_bound("\ufdfa") == 18


@given(st.lists(st.text() | st.lists(st.integers(0, 100_255)).map(tuple), max_size=5))
def test_inputs_add_up(inputs: list[str | tuple[int, ...]]) -> None:
    assert input_bound(inputs) == sum(input_bound([each]) for each in inputs)


def test_parts_add_up() -> None:
    image = Image(data=drawn("PNG", (28, 28)))
    assert input_bound([EmbedInput((Text("ab"), image))]) > image_bound(image) + 2


def recorded() -> Iterator[tuple[list[Any], int]]:
    """The inputs of every recorded call for embeddings, and the tokens that were reported."""
    for name in ("cohere", "bedrock-runtime", "openai"):
        with gzip.open(SHARED / "recorded" / f"{name}.jsonl.gz", "rt") as file:
            for line in file:
                exchange = json.loads(line)
                request, headers = exchange["request"] or {}, exchange["headers"]
                if exchange["status"] != 200 or not isinstance(request, dict):
                    continue
                if "inputText" in request or request.get("texts"):
                    inputs = request.get("texts") or [request["inputText"]]
                    tokens = headers.get("num_tokens") or headers.get("x-amzn-bedrock-input-token-count")
                    yield inputs, int(tokens)
                elif exchange["path"].endswith("/embeddings"):
                    inputs = [request["input"]] if isinstance(request["input"], str) else request["input"]
                    yield inputs, exchange["response"]["json"]["usage"]["prompt_tokens"]


@pytest.mark.needs("recordings")
def test_no_provider_reported_more() -> None:
    found = list(recorded())
    assert len(found) > 20
    assert [(inputs, tokens) for inputs, tokens in found if tokens > input_bound(inputs)] == []
