"""Every recorded exchange with Anthropic: read without loss, and asked for again word by word.

What is expected is counted from the recorded JSON, without our reader.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.anthropic.answer import read_answer, read_count
from packhouse.adapters.models.anthropic.refusals import refusal
from packhouse.adapters.models.anthropic.request import count_body, messages_body
from packhouse.adapters.models.anthropic.stream import EventReader
from packhouse.adapters.models.http import SseDecoder
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    CitationDelta,
    ForeignPiece,
    PartEnd,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from tests.support.needs import SHARED

pytestmark = pytest.mark.needs("recordings")

Json = dict[str, Any]
FILE = SHARED / "recorded" / "anthropic.jsonl.gz"
STOPS = {"end_turn": "end", "tool_use": "tool_use", "stop_sequence": "stop_sequence", "pause_turn": "paused"}


def recorded(path: str, status: int = 200, *, streamed: bool = False) -> Iterator[Json]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)
            if (
                exchange["path"] == path
                and exchange["status"] == status
                and ("text" in exchange["response"]) is streamed
            ):
                yield exchange


def body_of(exchange: Json) -> Json:
    return exchange["response"]["json"]


# answers


def test_every_answer_is_read_without_loss() -> None:
    seen = Counter[str]()
    for exchange in recorded("/v1/messages"):
        body = body_of(exchange)
        answer = read_answer(json.dumps(body).encode())
        check(answer, body, exchange["id"])
        seen.update(type(part).__name__ for part in answer.parts)
        seen["citations"] += sum(len(part.citations) for part in answer.parts if isinstance(part, Text))
    assert seen == {"Text": 175, "Foreign": 86, "ToolUse": 72, "Thinking": 25, "citations": 6}


def test_every_stream_is_read_without_loss() -> None:
    seen = Counter[str]()
    for exchange in recorded("/v1/messages", streamed=True):
        events = events_of(exchange["response"]["text"])
        pieces = read_stream(exchange["response"]["text"].encode())
        seen.update(type(piece).__name__ for piece in pieces)
        check(joined(pieces), whole_of(events), exchange["id"])
        stops = sum(event["type"] == "content_block_stop" for event in events)
        assert sum(isinstance(piece, PartEnd | ForeignPiece) for piece in pieces) == stops
        texts = sum(event.get("delta", {}).get("type") == "text_delta" for event in events)
        assert sum(isinstance(piece, TextDelta) for piece in pieces) == texts
    assert seen["StreamEnd"] == 11
    assert seen["CitationDelta"] == 20
    assert seen["ForeignPiece"] == 41
    assert seen["ToolUseStart"] == 1


def check(answer: ChatAnswer, body: Json, name: str) -> None:
    """The answer says all that the message of the wire does."""
    assert [wire_of(part) for part in answer.parts] == [without_the_rest(block) for block in body["content"]], name
    usage = body["usage"]
    assert answer.tokens == ModelTokens(
        usage["input_tokens"],
        usage["output_tokens"],
        usage["cache_read_input_tokens"] or 0,
        usage["cache_creation_input_tokens"] or 0,
    )
    assert answer.stop_reason == STOPS.get(body["stop_reason"], "end"), name
    assert answer.stop_sequence == (body["stop_sequence"] or "")


def wire_of(part: Part) -> Json:
    match part:
        case Text(text, citations):
            cited = {"citations": [web_citation(each) for each in citations]} if citations else {}
            return {"type": "text", "text": text, **cited}
        case Thinking("", "", redacted):
            return {"type": "redacted_thinking", "data": redacted}
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case ToolUse(use_id, name, arguments):
            return {"type": "tool_use", "id": use_id, "name": name, "input": json.loads(arguments)}
        case Foreign("anthropic", kind, raw):
            block = json.loads(bytes(raw))
            assert block["type"] == kind
            return block
        case _:
            pytest.fail(f"{part!r} is in no answer")


def web_citation(citation: Citation) -> Json:
    """All that was recorded are of the web."""
    assert citation.kind == "web"
    return {
        "type": "web_search_result_location",
        "cited_text": citation.cited_text,
        "encrypted_index": citation.mark,
        "title": citation.title or None,
        "url": citation.source,
    }


def without_the_rest(block: Json) -> Json:
    """Without what says nothing: no citations, and a call that the model made by itself."""
    kept = dict(block)
    if kept["type"] == "text" and not kept.get("citations"):
        kept.pop("citations", None)
    if kept["type"] == "tool_use":
        kept.pop("caller", None)
    return kept


def read_stream(data: bytes) -> list[ChatPiece]:
    """The pieces, fed in cuts of 100 bytes."""
    decoder, reader = SseDecoder(), EventReader()
    pieces = [
        piece
        for start in range(0, len(data), 100)
        for event in decoder.feed(data[start : start + 100])
        for piece in reader.read(event.data)
    ]
    assert reader.ended is not None
    return [*pieces, reader.ended]


def joined(pieces: list[ChatPiece]) -> ChatAnswer:
    """The whole answer that the pieces are of."""
    parts, open_ = list[Part](), False
    for piece in pieces:
        last = parts[-1] if open_ else None
        match piece, last:
            case TextDelta(text), Text() as said:
                parts[-1] = Text(said.text + text, said.citations)
            case CitationDelta(citation), Text() as said:
                parts[-1] = Text(said.text, (*said.citations, citation))
            case ThinkingDelta(text, signature, redacted), Thinking() as thought:
                parts[-1] = Thinking(thought.text + text, thought.signature + signature, redacted)
            case ToolUseDelta(_, arguments), ToolUse() as use:
                parts[-1] = ToolUse(use.id, use.name, use.arguments + arguments)
            case TextDelta(text), _:
                parts.append(Text(text))
            case CitationDelta(citation), _:
                parts.append(Text("", (citation,)))
            case ThinkingDelta(text, signature, redacted), _:
                parts.append(Thinking(text, signature, redacted))
            case ToolUseStart(_, use_id, name), _:
                parts.append(ToolUse(use_id, name, ""))
            case ForeignPiece(part), _:
                parts.append(part)
            case StreamEnd(stop, tokens, sequence), _:
                return ChatAnswer(tuple(with_arguments(part) for part in parts), stop, tokens, sequence)
            case _:
                pass
        open_ = not isinstance(piece, PartEnd | ForeignPiece)
    pytest.fail("the stream has no end")


def with_arguments(part: Part) -> Part:
    return msgspec.structs.replace(part, arguments=part.arguments or "{}") if isinstance(part, ToolUse) else part


def events_of(text: str) -> list[Json]:
    lines = (line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:"))
    return [json.loads(line) for line in lines]


def whole_of(events: list[Json]) -> Json:
    """The message that the events are of, put together without our reader."""
    body: Json = {"content": [], "usage": {}}
    inputs = list[str]()
    for event in events:
        match event:
            case {"type": "message_start", "message": message}:
                body["usage"] = dict(message["usage"])
            case {"type": "content_block_start", "content_block": block}:
                body["content"].append(dict(block))
                inputs.append("")
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                grow(body["content"][index], delta)
                inputs[index] += delta.get("partial_json", "")
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                body |= delta
                body["usage"] |= usage
            case _:
                pass
    for block, given in zip(body["content"], inputs, strict=True):
        if given:
            block["input"] = json.loads(given)
    return body


def grow(block: Json, delta: Json) -> None:
    for name in ("text", "thinking", "signature"):
        if name in delta:
            block[name] = block.get(name, "") + delta[name]
    if "citation" in delta:
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


# requests, counts, errors


def test_every_request_can_be_asked_for_again() -> None:
    compared = 0
    for streamed in (False, True):
        for exchange in (
            *recorded("/v1/messages", streamed=streamed),
            *recorded("/v1/messages", 400, streamed=streamed),
        ):
            asked = exchange["request"]
            request = read_messages(json.dumps(asked).encode())
            written = json.loads(messages_body(request, stream=bool(asked.get("stream"))))
            assert without_defaults(written) == without_defaults(asked), exchange["id"]
            compared += 1
    assert compared == 196


def test_every_count_is_read_and_asked_for_again() -> None:
    counts = list[int]()
    for exchange in recorded("/v1/messages/count_tokens"):
        body = body_of(exchange)
        counts.append(read_count(json.dumps(body).encode()))
        assert counts[-1] == body["input_tokens"]
        written = json.loads(count_body(read_messages(json.dumps(exchange["request"]).encode())))
        assert without_defaults(written) == without_defaults(exchange["request"])
    assert len(counts) == 5


def test_every_error_is_told_in_its_own_words() -> None:
    errors = [*recorded("/v1/messages", 400), *recorded("/v1/messages/count_tokens", 404)]
    assert len(errors) == 2
    for exchange in errors:
        body = body_of(exchange)
        told = refusal(exchange["status"], json.dumps(body).encode())
        assert (told.code, told.facts["status"]) == ("provider_refused", exchange["status"])
        assert body["error"]["message"] in told.message


def without_defaults(asked: Json) -> Json:
    """The same said in one way: texts as blocks, neighbours of a role as one turn, nothing that is so anyway."""
    body = {name: value for name, value in asked.items() if value not in (None, False, [])}
    if isinstance(body.get("system"), str):
        body["system"] = [{"type": "text", "text": body["system"]}]
    if "tools" not in body or body.get("tool_choice") == {"type": "auto"}:
        body.pop("tool_choice", None)
    if "tools" in body:
        body["tools"] = [without_empty(tool) for tool in body["tools"]]
    turns = list[Json]()
    for message in asked["messages"]:
        content = [block_without_defaults(block) for block in as_blocks(message["content"])]
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += content
        else:
            turns.append({"role": message["role"], "content": content})
    return body | {"messages": turns}


def without_empty(tool: Json) -> Json:
    kept = {name: value for name, value in tool.items() if (name, value) != ("description", "")}
    own = kept.get("type") == "custom" and not kept.get("defer_loading")
    return {name: value for name, value in kept.items() if not (own and name == "type")}


def block_without_defaults(block: Json) -> Json:
    kept = {name: value for name, value in block.items() if (name, value) != ("is_error", False)}
    if kept["type"] == "tool_result":
        kept["content"] = as_blocks(kept["content"])
    return kept


def as_blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
