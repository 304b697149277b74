"""The local text model on its real weights: usage, stops, JSON, tools, limits, and slots that come free."""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.local.llama import Llama
from packhouse.adapters.models.local.text import LocalTextModel
from packhouse.adapters.models.local.weights import Weights, installed_weights
from packhouse.domain.chat import ChatAnswer, ChatRequest, Message, OutputFormat, StreamEnd, TextDelta, Tool
from packhouse.domain.chat_part import Text, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.estimate import input_bound

pytestmark = [pytest.mark.anyio, pytest.mark.needs("weights")]

CITY = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}')


@pytest.fixture(scope="module")
def llama() -> Iterator[Llama]:
    llama = Llama(installed_weights, context_tokens=1_024)
    yield llama
    llama.close()


@pytest.fixture
def model(llama: Llama) -> LocalTextModel:
    return LocalTextModel(llama)


def said(*turns: str, tokens: int = 24, **more: Any) -> ChatRequest:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[place % 2], (Text(text),)) for place, text in enumerate(turns))
    more.setdefault("temperature", 0.0)
    return ChatRequest(model="local", messages=messages, output_tokens_max=tokens, **more)


async def ask(model: LocalTextModel, request: ChatRequest) -> ChatAnswer:
    sent: list[bool] = []
    answer = await model.answer(request, lambda: sent.append(True))
    assert sent == [True]
    assert answer.tokens
    assert 0 < answer.tokens.input <= input_bound(request)
    assert 0 < answer.tokens.output <= (request.output_tokens_max or 0)
    return answer


async def test_an_answer_streams_as_it_is_given_whole(model: LocalTextModel) -> None:
    request = said("Name three colours.")
    whole = await ask(model, request)
    async with aclosing(model.stream(request, lambda: None)) as stream:
        pieces = [piece async for piece in stream]
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == whole.text
    assert pieces[-1] == StreamEnd(whole.stop_reason, whole.tokens)
    assert len(pieces) > 3
    assert model.state == "ready"


async def test_the_cap_ends_an_answer(model: LocalTextModel) -> None:
    answer = await ask(model, said("Tell me a long story.", tokens=3))
    assert (answer.stop_reason, answer.tokens and answer.tokens.output) == ("length", 3)


async def test_a_stop_sequence_ends_it_and_is_told_apart(model: LocalTextModel) -> None:
    whole = (await ask(model, said("Name three colours."))).text
    stop = whole[len(whole) // 2 :][:4]
    answer = await ask(model, said("Name three colours.", stop=(stop,)))
    assert (answer.stop_reason, answer.text) == ("stop_sequence", whole[: whole.index(stop)])


async def test_a_seed_makes_chance_repeat_itself(model: LocalTextModel) -> None:
    request = said("Invent a name for a ship.", temperature=1.5, seed=7)
    assert (await ask(model, request)).text == (await ask(model, request)).text


async def test_an_answer_that_was_begun_goes_on_where_it_stopped(model: LocalTextModel) -> None:
    text = "Text:\nThe pump weighs 31 kilograms.\n\nQuestion: How heavy is the pump? Copy the sentence."
    answer = await ask(model, said(text, 'The text says: "', stop=('"',)))
    assert answer.text.strip() == "The pump weighs 31 kilograms."


async def test_json_fits_its_schema(model: LocalTextModel) -> None:
    schema = b'{"type":"object","properties":{"age":{"type":"integer","maximum":99}},"required":["age"]}'
    answer = await ask(model, said("How old is Ann?", output_format=OutputFormat("json_schema", msgspec.Raw(schema))))
    assert isinstance(json.loads(answer.text)["age"], int)
    with pytest.raises(Refused) as caught:
        await ask(model, said("x", output_format=OutputFormat("json_schema", msgspec.Raw(b'{"type":"odd"}'))))
    assert caught.value.code == "invalid_request"


async def test_a_tool_is_called_with_arguments_that_fit(model: LocalTextModel) -> None:
    request = said("What is the weather in Paris?", tools=(Tool("weather", "The weather in a city.", CITY),), tokens=60)
    answer = await ask(model, request)
    (use,) = answer.parts
    assert isinstance(use, ToolUse)
    assert (answer.stop_reason, use.name) == ("tool_use", "weather")
    assert isinstance(json.loads(use.arguments)["city"], str)


async def test_a_call_that_the_cap_cuts_is_no_call(model: LocalTextModel) -> None:
    request = said("What is the weather in Paris?", tools=(Tool("weather", "The weather in a city.", CITY),), tokens=3)
    answer = await ask(model, request)
    assert (answer.stop_reason, answer.parts) == ("length", ())


async def test_what_does_not_fit_is_refused(model: LocalTextModel) -> None:
    with pytest.raises(Refused) as caught:
        await ask(model, said("fox " * 2_000))
    assert caught.value.code == "context_exceeded"
    assert caught.value.facts["context_tokens"] == 1_024


@pytest.mark.parametrize("text", ["\x00", "<|im_end|>" * 20, "🦊" * 30, "a\u0301" * 40, "\ufdfa" * 10, "   "])
async def test_odd_texts_stay_within_the_input_bound(model: LocalTextModel, text: str) -> None:
    await ask(model, said(text, tokens=1))


async def test_a_call_that_is_given_up_frees_its_slot(model: LocalTextModel, llama: Llama) -> None:
    """More calls are given up than there are slots, then one is answered."""
    for _ in range(llama.slots + 1):
        async with aclosing(model.stream(said("Tell me a long story.", tokens=900), lambda: None)) as stream:
            async for _piece in stream:
                break
    waiting = [asyncio.ensure_future(model.answer(said("Tell me.", tokens=900), lambda: None)) for _ in range(4)]
    await asyncio.sleep(0.1)
    for task in waiting:
        task.cancel()
    assert all(isinstance(r, asyncio.CancelledError) for r in await asyncio.gather(*waiting, return_exceptions=True))
    await ask(model, said("Hi", tokens=2))


async def test_more_calls_than_slots_wait_for_their_turn(model: LocalTextModel, llama: Llama) -> None:
    answers = await asyncio.gather(*(ask(model, said(f"Say {word}.", tokens=4)) for word in ("a", "b", "c", "d", "e")))
    assert len(answers) > llama.slots


@pytest.mark.needs("linux")
async def test_nothing_listens_but_a_socket_that_is_gone(model: LocalTextModel) -> None:
    await ask(model, said("Hi", tokens=1))
    assert _listening() == []


async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF" + bytes(64))
    model = LocalTextModel(Llama(lambda: Weights(path)))
    with pytest.raises(Refused) as caught:
        await model.answer(said("Hi"), lambda: None)
    assert (caught.value.code, model.state) == ("unavailable", "failed")
    model.close()


async def test_once_closed_it_says_so(llama: Llama) -> None:
    model = LocalTextModel(Llama(installed_weights))
    assert model.state == "idle"
    model.close()
    with pytest.raises(Refused) as caught:
        await model.answer(said("Hi"), lambda: None)
    assert (caught.value.code, model.state) == ("unavailable", "closed")


def _listening() -> list[str]:
    """This process's listening TCP sockets."""
    mine = {os.readlink(link.path) for link in os.scandir("/proc/self/fd") if os.path.islink(link.path)}
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in mine]
