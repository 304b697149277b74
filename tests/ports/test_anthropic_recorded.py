"""Every recorded exchange with Anthropic: read without loss, and asked for again word by word.

What is expected is counted from the recorded JSON, without our reader.
"""

import json
from collections import Counter

import pytest

from packhouse.adapters.models.anthropic.answer import read_answer, read_count
from packhouse.adapters.models.anthropic.refusals import refusal
from packhouse.adapters.models.anthropic.request import count_body, messages_body
from packhouse.adapters.models.anthropic.stream import EventReader
from packhouse.adapters.models.http import SseDecoder
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ForeignPiece,
    PartEnd,
    TextDelta,
)
from packhouse.domain.chat_part import Citation, Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from tests.support.anthropic_recordings import (
    Json,
    body_of,
    events_of,
    recorded,
    whole_of,
    without_defaults,
    without_the_rest,
)
from tests.support.chat_pieces import joined

pytestmark = pytest.mark.needs("recordings")

STOPS = {"end_turn": "end", "tool_use": "tool_use", "stop_sequence": "stop_sequence", "pause_turn": "paused"}


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
