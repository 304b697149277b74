"""What Anthropic's refusals and events are read as: those that no recording has and no simulator gives."""

import json
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.anthropic.answer import read_answer
from packhouse.adapters.models.anthropic.refusals import error_within, refusal
from packhouse.adapters.models.anthropic.stream import EventReader
from packhouse.domain.chat import (
    ChatPiece,
    CitationDelta,
    ForeignPiece,
    PartEnd,
    StreamEnd,
    TextDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Foreign
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

# refusals


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "provider_refused"),
        (401, "provider_refused"),
        (402, "provider_refused"),
        (403, "provider_refused"),
        (404, "provider_refused"),
        (408, "provider_timeout"),
        (413, "provider_refused"),
        (424, "provider_failed"),
        (429, "provider_throttled"),
        (500, "provider_failed"),
        (503, "provider_failed"),
        (504, "provider_timeout"),
        (529, "provider_failed"),
        (302, "provider_failed"),
    ],
)
def test_every_status_has_its_code(status: int, code: str) -> None:
    told = refusal(status, error("some_error", "no"))
    assert told.code == refusal(status, b"<html>").code == code
    assert told.facts["status"] == status


@pytest.mark.parametrize(
    "words",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ],
)
def test_what_does_not_fit_says_so(words: str) -> None:
    told = refusal(400, error("invalid_request_error", words))
    assert told.code == "context_exceeded"
    assert words in told.message
    assert error_within(error("invalid_request_error", words)).code == "context_exceeded"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "invalid x-api-key sk-123"), (403, "key sk-123 may not"), (400, "Your credit balance is too low sk-123")],
)
def test_nothing_of_the_operators_account_is_told(status: int, words: str) -> None:
    told = refusal(status, error("authentication_error", words))
    assert told.code == "provider_refused"
    assert "sk-123" not in told.message
    assert told.facts["status"] in {401, 402, 403}


@pytest.mark.parametrize(("given", "seconds"), [("7", 7.0), ("-1", 0.0), ("inf", None), ("soon", None), (None, None)])
@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_wait_is_passed_on(status: int, given: str | None, seconds: float | None) -> None:
    assert refusal(status, b"{}", retry_after=given).facts.get("retry_after_seconds") == seconds


def error(kind: str, words: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_1"}).encode()


# events


def read(*payloads: dict[str, Any]) -> list[ChatPiece]:
    reader = EventReader()
    return [piece for payload in payloads for piece in reader.read(json.dumps(payload).encode())]


def begun(block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": block}


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


STOP = {"type": "content_block_stop", "index": 0}


def test_a_block_of_anthropics_own_comes_whole_with_what_its_deltas_bring() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    pieces = [delta(type="input_json_delta", partial_json=each) for each in ("", '{"q":', '"x"}')]
    (piece,) = read(begun(use), *pieces, STOP)
    assert isinstance(piece, ForeignPiece)
    assert (piece.part.dialect, piece.part.kind) == ("anthropic", "server_tool_use")
    assert json.loads(bytes(piece.part.json)) == use | {"input": {"q": "x"}}


def test_a_compaction_comes_whole() -> None:
    block = {"type": "compaction", "content": None}
    (piece,) = read(begun(block), delta(type="compaction_delta", content="so far", encrypted_content="e"), STOP)
    assert isinstance(piece, ForeignPiece)
    assert json.loads(bytes(piece.part.json)) == block | {"content": "so far", "encrypted_content": "e"}


def test_a_block_without_deltas_comes_as_it_was_written() -> None:
    raw = b'{"type": "web_search_tool_result", "content": [{"citations": 1}], "text": null}'
    reader = EventReader()
    reader.read(b'{"type":"content_block_start","index":0,"content_block":%b}' % raw)
    (piece,) = reader.read(json.dumps(STOP).encode())
    assert piece == ForeignPiece(Foreign("anthropic", "web_search_tool_result", msgspec.Raw(raw)))


def test_input_of_a_tool_may_come_whole() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    started, given, ended = read(begun(use), STOP)
    assert started == ToolUseStart(0, "t", "f")
    assert isinstance(given, ToolUseDelta)
    assert json.loads(given.arguments) == {"a": 1}
    assert ended == PartEnd()


def test_a_text_may_begin_with_words() -> None:
    web = {"type": "web_search_result_location", "url": "u", "title": None, "encrypted_index": "m", "cited_text": "c"}
    cited = CitationDelta(Citation(kind="web", cited_text="c", source="u", mark="m"))
    block = {"type": "text", "text": "a", "citations": [web]}
    assert read(begun(block), delta(type="text_delta", text="b"), STOP) == [
        TextDelta("a"),
        cited,
        TextDelta("b"),
        PartEnd(),
    ]


def test_what_is_yet_to_come_is_passed_over() -> None:
    assert read({"type": "ping"}, {"type": "new_event", "x": 1}, delta(type="new_delta", y=2)) == []


def test_tokens_are_those_told_last() -> None:
    reader = EventReader()
    usage = {"input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": None, "output_tokens": 1}
    for payload in (
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 5}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": 30, "output_tokens": 9},
        },
        {"type": "message_stop"},
    ):
        assert reader.read(json.dumps(payload).encode()) == []
    assert reader.ended == StreamEnd("end", ModelTokens(30, 9, 4, 0))
    silent = EventReader()
    silent.read(b'{"type":"message_stop"}')
    assert silent.ended == StreamEnd("end", None)


@pytest.mark.parametrize(
    "payload",
    [
        b"<html>",
        b"{}",
        b'{"type":"content_block_start","content_block":{"text":"x"}}',
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":1}}',
        b'{"type":"x","y":' + b"[" * 99_999 + b"]" * 99_999 + b"}",
    ],
)
def test_what_is_no_event_is_malformed(payload: bytes) -> None:
    with pytest.raises(Refused) as caught:
        EventReader().read(payload)
    assert caught.value.code == "provider_malformed"


@pytest.mark.parametrize(
    "more", [{"caller": {"type": "code_execution_20260120", "tool_id": "s"}}, {"toolset_name": "b"}]
)
def test_a_call_that_is_not_the_models_alone_comes_whole(more: dict[str, Any]) -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}, **more}
    (piece,) = read(begun(use), delta(type="input_json_delta", partial_json='{"a":1}'), STOP)
    answer = read_answer(json.dumps({"content": [use | {"input": {"a": 1}}]}).encode())
    assert isinstance(piece, ForeignPiece)
    (part,) = answer.parts
    for each in (piece.part, part):
        assert isinstance(each, Foreign)
        assert json.loads(bytes(each.json)) == use | {"input": {"a": 1}}


@pytest.mark.parametrize("caller", [{"type": "direct"}, None])
def test_a_call_of_the_models_own_is_a_call(caller: Any) -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": caller}
    assert read(begun(use), STOP) == [ToolUseStart(0, "t", "f"), PartEnd()]


def test_a_reason_to_stop_that_is_yet_to_come_is_an_end() -> None:
    assert read_answer(b'{"content":[],"stop_reason":"bored"}').stop_reason == "end"
    reader = EventReader()
    reader.read(b'{"type":"message_delta","delta":{"stop_reason":"bored"}}')
    reader.read(b'{"type":"message_stop"}')
    assert reader.ended == StreamEnd("end", None)
