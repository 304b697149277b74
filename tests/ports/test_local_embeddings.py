"""The local embeddings model: order, length 1, tokens that stay within the bound, clear refusals."""

import asyncio
import math
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.adapters.models.local.embeddings import DIMENSIONS, TEXT_BYTES_MAX, LocalEmbeddingsModel
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.embedding_estimate import input_bound
from packhouse.domain.errors import Refused

pytestmark = [pytest.mark.anyio, pytest.mark.needs("embeddings")]


@pytest.fixture(scope="module")
def model() -> Iterator[LocalEmbeddingsModel]:
    model = LocalEmbeddingsModel()
    yield model
    model.close()


async def embed(model: LocalEmbeddingsModel, *texts: str, dimensions: int | None = None) -> EmbedAnswer:
    sent: list[bool] = []
    answer = await model.embed(
        EmbedRequest(model="local", inputs=texts, dimensions=dimensions), lambda: sent.append(True)
    )
    assert sent == [True]
    return answer


def floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{DIMENSIONS}f", vector)


def cosine(a: bytes, b: bytes) -> float:
    return sum(x * y for x, y in zip(floats(a), floats(b), strict=True))


async def test_meaning_is_near_across_words_and_languages(model: LocalEmbeddingsModel) -> None:
    answer = await embed(
        model, "The cat sleeps on the sofa.", "Die Katze schläft auf dem Sofa.", "Interest rates rose."
    )
    cat, katze, rates = answer.vectors
    assert cosine(cat, katze) > 0.7 > cosine(cat, rates) + 0.3


async def test_order_and_slices_make_no_difference(model: LocalEmbeddingsModel) -> None:
    texts = [f"Passage number {number} is about pumps." for number in range(40)]
    together = await embed(model, *texts)
    assert len(together.vectors) == 40
    for place in (0, 15, 16, 39):
        alone = (await embed(model, texts[place])).vectors[0]
        assert cosine(alone, together.vectors[place]) == pytest.approx(1.0, abs=1e-4)


@settings(max_examples=150)
@given(st.lists(st.text(), min_size=1, max_size=5))
async def test_tokens_stay_within_the_bound_and_vectors_have_length_1(
    model: LocalEmbeddingsModel, texts: list[str]
) -> None:
    answer = await embed(model, *texts)
    assert answer.tokens
    assert len(texts) <= answer.tokens.input <= input_bound(texts)
    for vector in answer.vectors:
        assert math.hypot(*floats(vector)) == pytest.approx(1.0, abs=1e-4)


async def test_characters_that_stand_for_sentences_cost_no_more_than_their_bytes(model: LocalEmbeddingsModel) -> None:
    texts = ["\ufdfa" * 100]
    answer = await embed(model, *texts)
    assert answer.tokens
    assert answer.tokens.input <= input_bound(texts)


@pytest.mark.parametrize(
    ("text", "dimensions", "code"),
    [
        ("x", 256, "unsupported"),
        ("x" * (TEXT_BYTES_MAX + 1), None, "context_exceeded"),
        ("q " * 10_000, None, "context_exceeded"),
        ("\ud800", None, "invalid_request"),
    ],
)
async def test_refusals(model: LocalEmbeddingsModel, text: str, dimensions: int | None, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await model.embed(EmbedRequest(model="local", inputs=(text,), dimensions=dimensions), lambda: None)
    assert caught.value.code == code


async def test_the_event_loop_goes_on_meanwhile(model: LocalEmbeddingsModel) -> None:
    done = asyncio.ensure_future(embed(model, *["A longer passage about many things. " * 20] * 60))
    turns = 0
    while not done.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20


async def test_once_closed_it_says_so() -> None:
    model = LocalEmbeddingsModel()
    assert model.state == "idle"
    model.close()
    assert model.state == "closed"
    with pytest.raises(Refused) as caught:
        await model.embed(EmbedRequest(model="local", inputs=("x",)), lambda: None)
    assert caught.value.code == "unavailable"
