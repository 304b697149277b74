"""The scripted model does what its script says, and keeps the promises of the ports."""

import asyncio
import math
import struct

import pytest

from packhouse.adapters.models.scripted import Script, Scripted
from packhouse.domain.chat import ChatRequest, Message, StreamEnd, TextDelta, ToolUseDelta, ToolUseStart
from packhouse.domain.chat_part import Text, ToolUse
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import EmbeddingsModel, TextModel

pytestmark = pytest.mark.anyio

USE = ToolUse("c", "f", '{"a": 1}')


def ask(text: str, cap: int | None = None) -> ChatRequest:
    messages = (Message("system", (Text("Be brief."),)), Message("user", (Text(text),)))
    return ChatRequest(model="m", messages=messages, output_tokens_max=cap)


def nothing() -> None:
    """These tests do not ask when a call began to cost."""


async def test_it_echoes() -> None:
    model: TextModel = Scripted()
    sents: list[None] = []
    answer = await model.answer(ask("one two  three"), lambda: sents.append(None))
    assert (answer.text, answer.stop_reason) == ("one two  three", "end")
    assert (answer.tokens, len(sents)) == (ModelTokens(5, 3), 1)


async def test_the_first_script_that_applies_is_followed() -> None:
    model = Scripted(
        Script(when="x", text="a b c", reports_tokens=False), Script(when="y", tool_uses=(USE,), text="ok")
    )
    answer = await model.answer(ask("has x and y"), nothing)
    assert (answer.text, answer.tokens) == ("a b c", None)
    pieces = [piece async for piece in model.stream(ask("has y"), nothing)]
    assert pieces == [
        TextDelta("ok"),
        ToolUseStart(0, "c", "f"),
        ToolUseDelta(0, '{"a": 1}'),
        StreamEnd("tool_use", ModelTokens(4, 3)),
    ]
    assert (await model.answer(ask("has y"), nothing)).parts == (Text("ok"), USE)
    assert (await model.answer(ask("else"), nothing)).text == "else"


async def test_the_cap_is_kept() -> None:
    answer = await Scripted().answer(ask("one two three", cap=2), nothing)
    assert (answer.text, answer.stop_reason, answer.tokens) == ("one two ", "length", ModelTokens(5, 2))


@pytest.mark.parametrize("at", [0, 2, 3])
async def test_it_fails_where_it_should(at: int) -> None:
    model = Scripted(Script(fails_with="provider_cut", fails_at_piece=at))
    pieces = model.stream(ask("a b c"), nothing)
    for word in ("a ", "b ", "c")[:at]:
        assert await anext(pieces) == TextDelta(word)
    with pytest.raises(Refused) as caught:
        await anext(pieces)
    assert (caught.value.code, model.counts.left) == ("provider_cut", 1)


async def test_what_cannot_be_reached_costs_nothing() -> None:
    sents: list[None] = []
    model = Scripted(Script(fails_with="provider_unreachable"))
    with pytest.raises(Refused):
        await model.answer(ask("a"), lambda: sents.append(None))
    with pytest.raises(Refused):
        await model.embed(EmbedRequest(model="e", inputs=("a",)), lambda: sents.append(None))
    assert sents == []


async def test_leaving_and_cancelling_end_it() -> None:
    model = Scripted(Script(piece_seconds=0.01))
    stream = model.stream(ask("a b c"), nothing)
    await anext(stream)
    await stream.aclose()
    task = asyncio.create_task(model.answer(ask("a b c"), nothing))
    await asyncio.sleep(0.015)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (model.counts.begun, model.counts.ended, model.counts.left) == (2, 0, 2)


async def test_vectors_are_stable_and_alike_where_texts_are() -> None:
    model: EmbeddingsModel = Scripted(dimensions=256)
    texts = ("the cat sat", "THE CAT sat!", "the cat stood", "other words", "", "...")
    answer = await model.embed(EmbedRequest(model="e", inputs=texts), nothing)
    again = await model.embed(EmbedRequest(model="e", inputs=texts), nothing)
    assert answer == again
    same, alike, other = (cosine(answer.vectors[0], answer.vectors[n]) for n in (1, 2, 3))
    assert same == pytest.approx(1.0)
    assert same > alike > 0.5 > other
    assert all(cosine(vector, vector) == pytest.approx(1.0) for vector in answer.vectors)
    assert (answer.dimensions, answer.tokens) == (256, ModelTokens(12))
    small = await model.embed(EmbedRequest(model="e", inputs=texts, dimensions=8), nothing)
    assert [len(vector) for vector in small.vectors] == [32] * 6


def cosine(one: bytes, other: bytes) -> float:
    pairs = zip(struct.iter_unpack("<f", one), struct.iter_unpack("<f", other), strict=True)
    return math.fsum(a[0] * b[0] for a, b in pairs)
