"""What was recorded of one provider, in the dialect of another: asked for there, and told to clients of each."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from anthropic.types import Message as AnthropicMessage

import packhouse.adapters.models.anthropic.answer as anthropic_answer
import packhouse.adapters.models.bedrock.answer as bedrock_answer
from packhouse.adapters.models.anthropic.request import JSON_ALONE, messages_body
from packhouse.adapters.models.anthropic.stream import EventReader
from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder
from packhouse.adapters.models.bedrock.request import converse_body
from packhouse.adapters.models.bedrock.stream import StreamReader
from packhouse.adapters.models.http import SseDecoder
from packhouse.adapters.models.openai_compatible.answer import ChunkReader, read_answer
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest, StreamEnd
from packhouse.domain.chat_part import Foreign, Image, Part, Text, Thinking, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from packhouse.entrypoints.gateway.anthropic.stream import EventWriter
from packhouse.entrypoints.gateway.anthropic.write import Heading, message
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.entrypoints.gateway.openai.write import completion
from tests.simulators.shapes import check_openai
from tests.support.anthropic_recordings import recorded as recorded_of_anthropic
from tests.support.chat_pieces import joined
from tests.support.needs import SHARED
from tests.support.openai_stream import HEADING, gathered, written

pytestmark = [pytest.mark.needs("recordings"), pytest.mark.needs("specs")]

Json = dict[str, Any]
CLAUDE = "anthropic.claude-sonnet-4-6"
HAS_NO_WORD = {"moderation", "web_search_options"}
"""Options that OpenAI's own servers alone have."""


def recorded(file: str) -> Iterator[Json]:
    with gzip.open(SHARED / "recorded" / file, "rt", encoding="utf-8") as lines:
        yield from (exchange for line in lines if (exchange := json.loads(line))["status"] == 200)


def openai_exchanges(kind: str) -> Iterator[Json]:
    return (
        it for it in recorded("openai.jsonl.gz") if it["path"].endswith("/chat/completions") and kind in it["response"]
    )


# what was asked of OpenAI, asked of others


def test_every_request_to_openai_can_be_put_to_claude() -> None:
    seen = Counter[str]()
    for exchange in recorded("openai.jsonl.gz"):
        if not exchange["path"].endswith("/chat/completions"):
            continue
        body = json.dumps(exchange["request"]).encode()
        try:
            request = msgspec.structs.replace(read_chat(body), model=CLAUDE, output_tokens_max=100)
        except Refused:
            seen["nobody's"] += 1
            continue
        if unsaid := {option.name for option in request.options}:
            assert unsaid <= HAS_NO_WORD
            with pytest.raises(Refused, match="option"):
                messages_body(request, stream=False)
            with pytest.raises(Refused, match="option"):
                converse_body(request)
            continue
        again = read_messages(messages_body(request, stream=False))
        assert conversation(again) == conversation(request)
        assert _told(again) == _told(request)
        seen["Anthropic"] += 1
        if any(isinstance(part, Image) and part.url for each in request.messages for part in each.parts):
            with pytest.raises(Refused, match="by value"):
                converse_body(request)
            continue
        assert json.loads(converse_body(request))["messages"]
        seen["Bedrock"] += 1
    assert (seen["Anthropic"], seen["Bedrock"], seen["nobody's"]) == (129, 127, 3)


def conversation(request: ChatRequest) -> list[tuple[str, list[Part]]]:
    """What the system says goes in front, and turns of one role are one, at Anthropic."""
    turns: list[tuple[str, list[Part]]] = [("system", [])]
    for each in request.messages:
        role = "user" if each.role == "tool" else each.role
        if role == "system":
            turns[0][1].extend(part for part in each.parts if part != Text(JSON_ALONE))
        elif turns[-1][0] == role:
            turns[-1][1].extend(each.parts)
        else:
            turns.append((role, list(each.parts)))
    return turns


def _told(request: ChatRequest) -> tuple[object, ...]:
    """The rest of a request that Anthropic has words for."""
    schema = json.loads(bytes(request.output_format.schema))
    sampling = (request.temperature, request.top_p, request.stop, request.effort, request.user)
    return request.tools, request.tool_choice, schema, *sampling


# what OpenAI answered, told to Anthropic's clients


def test_every_answer_of_openais_can_be_told_in_anthropics_words() -> None:
    count = 0
    for exchange in openai_exchanges("json"):
        count += 1
        answer = read_answer(json.dumps(exchange["response"]["json"]).encode())
        tokens = answer.tokens or ModelTokens()
        body = message(Heading("msg_1", "m"), answer, tokens=tokens)
        AnthropicMessage.model_validate_json(body)
        assert_same(anthropic_answer.read_answer(body), answer)
        assert_counted(tokens, exchange["response"]["json"]["usage"])
    assert count == 113


def test_every_stream_of_openais_can_be_told_in_anthropics_words() -> None:
    count = 0
    for exchange in openai_exchanges("text"):
        count += 1
        payloads = [event.data for event in SseDecoder().feed(exchange["response"]["text"].encode())][:-1]
        reader = ChunkReader()
        pieces: list[ChatPiece] = [piece for payload in payloads for piece in reader.read(payload)]
        end = reader.end()
        writer = EventWriter(Heading("msg_1", "m"))
        stream = writer.opening() + b"".join(map(writer.piece, [*pieces, end])) + writer.closing(end)
        again = EventReader()
        read = [piece for event in SseDecoder().feed(stream) for piece in again.read(event.data)]
        assert again.ended is not None
        assert_same(joined([*read, again.ended]), joined([*pieces, end]))
        usages = [usage for payload in payloads if (usage := json.loads(payload).get("usage"))]
        assert end.tokens is not None
        assert_counted(end.tokens, usages[-1])
    assert count == 25


def assert_same(told: ChatAnswer, given: ChatAnswer) -> None:
    assert [_plain(part) for part in told.parts] == [_plain(part) for part in given.parts]
    assert (told.tokens, told.stop_reason) == (given.tokens, given.stop_reason)


def _plain(part: Part) -> object:
    """A call's arguments by what they say, citations without the places that the other dialect does not count."""
    match part:
        case ToolUse(use_id, name, arguments):
            return use_id, name, json.loads(arguments or "{}")
        case Text(text, citations):
            return text, [(cited.kind, cited.title, cited.source) for cited in citations]
        case _:
            return part


def assert_counted(tokens: ModelTokens, usage: Json) -> None:
    assert tokens.input + tokens.cache_read + tokens.cache_write == usage["prompt_tokens"]
    assert tokens.output == usage["completion_tokens"]


# what Claude and Bedrock answered, told to OpenAI's clients


def answers() -> Iterator[ChatAnswer]:
    """All that were recorded of Anthropic and of Converse."""
    for exchange in recorded_of_anthropic("/v1/messages"):
        yield anthropic_answer.read_answer(json.dumps(exchange["response"]["json"]).encode())
    for exchange in recorded("bedrock-runtime.jsonl.gz"):
        if exchange["path"].endswith("/converse"):
            response = exchange["response"]
            yield bedrock_answer.read_answer(
                json.dumps(response["json"]).encode() if "json" in response else response["text"].encode()
            )


def streams() -> Iterator[list[ChatPiece]]:
    for exchange in recorded_of_anthropic("/v1/messages", streamed=True):
        reader = EventReader()
        events = SseDecoder().feed(exchange["response"]["text"].encode())
        read = [piece for event in events for piece in reader.read(event.data)]
        assert reader.ended is not None
        yield [*read, reader.ended]
    for exchange in recorded("bedrock-runtime.jsonl.gz"):
        if exchange["path"].endswith("/converse-stream"):
            frames = StreamReader()
            data = base64.b64decode(exchange["response"]["base64"])
            read = [piece for frame in EventStreamDecoder().feed(data) for piece in frames.read(frame)]
            yield [*read, frames.end()]


def test_every_answer_of_others_can_be_told_in_openais_words() -> None:
    seen = Counter[str]()
    for answer in answers():
        assert answer.tokens is not None
        body = json.loads(completion(HEADING, answer, tokens=answer.tokens))
        check_openai("CreateChatCompletionResponse", body)
        assert_told(body["choices"][0]["message"], answer)
        assert_counted(answer.tokens, body["usage"])
        seen.update(type(part).__name__ for part in answer.parts)
    assert seen == {"Text": 259, "ToolUse": 130, "Foreign": 90, "Thinking": 34}


def test_every_stream_of_others_can_be_told_in_openais_words() -> None:
    count = 0
    for pieces in streams():
        count += 1
        chunks = written(pieces)
        for chunk in chunks:
            check_openai("CreateChatCompletionStreamResponse", chunk)
        answer = joined(pieces)
        assert isinstance(pieces[-1], StreamEnd)
        assert answer.tokens is not None
        told = gathered(chunks)
        assert_told(told, answer)
        assert_counted(answer.tokens, told["usage"])
    assert count == 16


def assert_told(said: Json, answer: ChatAnswer) -> None:
    """Each part of the answer has its place in the message, and goes back with it as it came."""
    said = {name: value for name, value in said.items() if name not in {"finish_reason", "usage", "stop_reason"}}
    cited = [(part, each) for part in _of(Text, answer.parts) for each in part.citations]
    web = [each for _, each in cited if each.kind == "web"]
    assert [each["url_citation"]["url"] for each in said.get("annotations", [])] == [each.source for each in web]
    for (part, each), told in zip(cited, _citations(said), strict=True):
        assert (told.get("cited_text", ""), told.get("mark", "")) == (each.cited_text, each.mark)
        assert (said["content"] or "")[told["start_index"] : told["end_index"]] == part.text
    back = read_chat(json.dumps({"messages": [{"role": "user", "content": "x"}, said]}).encode()).messages[1].parts
    assert list(_of(ToolUse, back)) == [_with_arguments(part) for part in _of(ToolUse, answer.parts)]
    assert list(_of(Thinking, back)) == _thoughts(answer)
    assert [(it.kind, json.loads(bytes(it.json))) for it in _of(Foreign, back)] == [
        (it.kind, json.loads(bytes(it.json))) for it in _of(Foreign, answer.parts)
    ]
    assert "".join(part.text for part in _of(Text, back)) == answer.text


def _citations(said: Json) -> list[Json]:
    return said.get("provider_specific_fields", {}).get("citations", [])


def _thoughts(answer: ChatAnswer) -> list[Thinking]:
    """Those that nobody signed are one text, which is all that they say."""
    thoughts = list(_of(Thinking, answer.parts))
    if any(each.signature or each.redacted for each in thoughts):
        return thoughts
    text = "".join(each.text for each in thoughts)
    return [Thinking(text)] if text else []


def _with_arguments(use: ToolUse) -> ToolUse:
    return ToolUse(use.id, use.name, use.arguments or "{}")


def _of(kind: Any, parts: Iterable[Part]) -> Iterator[Any]:
    return (part for part in parts if isinstance(part, kind))
