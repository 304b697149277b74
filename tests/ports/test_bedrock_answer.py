"""Converse's answers, whole and streamed, as no recording has them: every kind of part, every way to stop or break."""

import json
from itertools import pairwise
from typing import Any

import pytest

from packhouse.adapters.models.bedrock.answer import read_answer
from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder
from packhouse.adapters.models.bedrock.refusals import is_expired, refusal
from packhouse.adapters.models.bedrock.stream import StreamReader
from packhouse.domain.chat import (
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
from packhouse.domain.chat_part import Citation, Foreign, Image, Part, Text, Thinking, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.simulators.bedrock import frames

Json = dict[str, Any]

USAGE = {
    "inputTokens": 5,
    "outputTokens": 3,
    "totalTokens": 108,
    "cacheReadInputTokens": 90,
    "cacheWriteInputTokens": 10,
    "serverToolUsage": {},
    "cacheDetails": [{"ttl": "5m", "inputTokens": 10}],
}
TOKENS = ModelTokens(5, 3, cache_read=90, cache_write=10)


def whole(*blocks: Json, stop: str = "end_turn", **more: object) -> bytes:
    message = {"role": "assistant", "content": list(blocks)}
    body = {"output": {"message": message}, "stopReason": stop, "usage": USAGE, "metrics": {"latencyMs": 7}}
    return json.dumps(body | more).encode()


CITED = {
    "title": "T",
    "sourceContent": [{"text": "sa"}, {"text": "id"}],
    "location": {"documentPage": {"documentIndex": 1, "start": 2, "end": 3}},
}
CITATION = Citation(kind="pages", cited_text="said", title="T", document=1, start=2, end=3)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"text": ""}, Text("")),
        ({"text": "a", "p": "xyz"}, Text("a")),
        ({"toolUse": {"toolUseId": "t", "name": "f", "input": {}, "type": "tool_use"}}, ToolUse("t", "f", "{}")),
        ({"reasoningContent": {"reasoningText": {"text": "Hm"}}}, Thinking("Hm")),
        ({"reasoningContent": {"reasoningText": {"text": "", "signature": "s"}}}, Thinking("", "s")),
        ({"reasoningContent": {"redactedContent": "AAAA"}}, Thinking("", redacted="AAAA")),
        ({"image": {"format": "png", "source": {"bytes": "AAAA"}}}, Image("image/png", bytes(3))),
        (
            {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [CITED]}},
            Text("ab", (CITATION,)),
        ),
        (
            {"citationsContent": {"content": [{"text": "a"}], "citations": [{"location": {"web": {"url": "u"}}}]}},
            Text("a", (Citation(kind="web", source="u"),)),
        ),
        (
            {
                "citationsContent": {
                    "content": [{"text": "a"}],
                    "citations": [{"source": "s", "location": {"searchResultLocation": {"searchResultIndex": 2}}}],
                }
            },
            Text("a", (Citation(kind="search_result", source="s", document=2),)),
        ),
        (
            {"citationsContent": {"content": [{"text": "a"}], "citations": [{"location": {"documentChunk": {}}}, {}]}},
            Text("a", (Citation(kind="blocks"), Citation(kind="characters"))),
        ),
    ],
)
def test_a_part(block: Json, part: Part) -> None:
    answer = read_answer(whole(block))
    assert answer.parts == (part,)
    assert (answer.tokens, answer.stop_reason) == (TOKENS, "end")


@pytest.mark.parametrize(
    "block",
    [
        {"video": {"format": "mp4", "source": {"bytes": "AAAA"}}},
        {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "t", "content": [{"json": {}}], "status": "success"}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://a/b"}}}},
        {"somethingNew": [1, {"a": None}]},
    ],
    ids=lambda block: next(iter(block)),
)
def test_a_part_that_is_not_known_is_kept_whole(block: Json) -> None:
    (part,) = read_answer(whole(block)).parts
    assert isinstance(part, Foreign)
    assert (part.dialect, part.kind, json.loads(bytes(part.json))) == ("bedrock", next(iter(block)), block)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", "end"),
        ("tool_use", "tool_use"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop_sequence"),
        ("guardrail_intervened", "filtered"),
        ("content_filtered", "filtered"),
        ("malformed_model_output", "malformed"),
        ("malformed_tool_use", "malformed"),
        ("model_context_window_exceeded", "context_full"),
        ("refusal", "refused"),
        ("pause_turn", "paused"),
        ("something_new", "end"),
    ],
)
def test_reasons_to_stop(said: str, reason: str) -> None:
    assert read_answer(whole(stop=said)).stop_reason == reason
    assert streamed(event("messageStop", stopReason=said))[-1] == StreamEnd(reason, None)  # type: ignore[arg-type]


def test_the_stop_sequence_is_told_where_it_was_asked_for() -> None:
    more = {"additionalModelResponseFields": {"stop_sequence": "END"}}
    assert read_answer(whole(stop="stop_sequence", **more)).stop_sequence == "END"
    (end,) = streamed(event("messageStop", stopReason="stop_sequence", **more))
    assert end == StreamEnd("stop_sequence", None, "END")
    for odd in ({"stop_sequence": None}, {}, "x", None):
        assert read_answer(whole(additionalModelResponseFields=odd)).stop_sequence == ""


def test_tokens_from_the_headers_where_the_body_has_none() -> None:
    counted = ModelTokens(1, 2)
    assert read_answer(whole(usage=None), counted).tokens == counted
    assert read_answer(whole(usage={}), counted).tokens == counted
    assert read_answer(whole(), counted).tokens == TOKENS
    assert read_answer(whole(usage={"inputTokens": 4, "outputTokens": 0})).tokens == ModelTokens(4, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        whole()[:-9],
        b"\xff",
        whole(output={}),
        whole({"text": 1}),
        whole(stop=1),  # type: ignore[arg-type]
        b'{"x":' + b"[" * 9_000,
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_answer(body)
    assert caught.value.code == "provider_malformed"


# streams


def event(kind: str, **payload: object) -> bytes:
    return frames.event(kind, json.dumps({"p": "abc", **payload}).encode())


def delta(place: int, **what: object) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=place, delta=what)


def start(place: int, **what: object) -> bytes:
    return event("contentBlockStart", contentBlockIndex=place, start=what)


def stop(place: int) -> bytes:
    return event("contentBlockStop", contentBlockIndex=place)


BEGIN = event("messageStart", role="assistant")
ENDED = event("messageStop", stopReason="end_turn") + event("metadata", usage=USAGE, metrics={"latencyMs": 7})


def streamed(*events: bytes) -> list[ChatPiece]:
    decoder, reader = EventStreamDecoder(), StreamReader()
    pieces = [piece for frame in decoder.feed(b"".join(events)) for piece in reader.read(frame)]
    return [*pieces, reader.end()]


def test_a_stream_of_every_kind_of_part() -> None:
    pieces = streamed(
        BEGIN,
        delta(0, reasoningContent={"text": "H"}),
        delta(0, reasoningContent={"text": "m"}),
        delta(0, reasoningContent={"signature": "sig"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": "AAAA"}),
        stop(1),
        delta(2, text=""),
        delta(2, text="He"),
        delta(2, text="llo"),
        delta(2, citation=CITED),
        stop(2),
        start(3, toolUse={"toolUseId": "t1", "name": "f"}),
        delta(3, toolUse={"input": ""}),
        delta(3, toolUse={"input": '{"a"'}),
        delta(3, toolUse={"input": ":1}"}),
        stop(3),
        start(4, toolUse={"toolUseId": "t2", "name": "g", "type": "tool_use"}),
        delta(4, toolUse={"input": ""}),
        stop(4),
        event("somethingNew", a=1),
        event("messageStop", stopReason="tool_use"),
        event("metadata", usage=USAGE, metrics={"latencyMs": 7}),
    )
    assert pieces == [
        ThinkingDelta("H"),
        ThinkingDelta("m"),
        ThinkingDelta(signature="sig"),
        PartEnd(),
        ThinkingDelta(redacted="AAAA"),
        PartEnd(),
        TextDelta("He"),
        TextDelta("llo"),
        CitationDelta(CITATION),
        PartEnd(),
        ToolUseStart(0, "t1", "f"),
        ToolUseDelta(0, '{"a"'),
        ToolUseDelta(0, ":1}"),
        PartEnd(),
        ToolUseStart(1, "t2", "g"),
        PartEnd(),
        StreamEnd("tool_use", TOKENS),
    ]


def test_parts_that_are_not_known_come_whole() -> None:
    pieces = streamed(
        start(0, toolUse={"toolUseId": "s", "name": "search", "type": "server_tool_use"}),
        delta(0, toolUse={"input": '{"q":'}),
        delta(0, toolUse={"input": '"x"}'}),
        stop(0),
        start(1, toolResult={"toolUseId": "s", "type": "r", "status": "success"}),
        delta(1, toolResult=[{"text": "a"}]),
        delta(1, toolResult=[{"json": {"b": 1}}]),
        stop(1),
        start(2, image={"format": "png"}),
        delta(2, image={"source": {"bytes": "AAAA"}}),
        stop(2),
        start(3, toolUse={"toolUseId": "s2", "name": "search", "type": "server_tool_use"}),
        stop(3),
        ENDED,
    )
    assert all(isinstance(piece, ForeignPiece) for piece in pieces[:-1])
    foreign = [piece.part for piece in pieces if isinstance(piece, ForeignPiece)]
    assert [json.loads(bytes(part.json)) for part in foreign] == [
        {"toolUse": {"toolUseId": "s", "name": "search", "type": "server_tool_use", "input": {"q": "x"}}},
        {
            "toolResult": {
                "toolUseId": "s",
                "type": "r",
                "status": "success",
                "content": [{"text": "a"}, {"json": {"b": 1}}],
            }
        },
        {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
        {"toolUse": {"toolUseId": "s2", "name": "search", "type": "server_tool_use", "input": {}}},
    ]
    assert [part.kind for part in foreign] == ["toolUse", "toolResult", "image", "toolUse"]
    assert pieces[-1] == StreamEnd("end", TOKENS)


def test_a_server_that_announces_every_block_is_read_too() -> None:
    pieces = streamed(start(0), delta(0, text="a"), stop(0), start(1, text={}), delta(1, text="b"), stop(1), ENDED)
    assert pieces == [TextDelta("a"), PartEnd(), TextDelta("b"), PartEnd(), StreamEnd("end", TOKENS)]


def test_a_stream_without_its_last_event_has_no_tokens_and_one_without_a_stop_is_cut() -> None:
    assert streamed(delta(0, text="a"), event("messageStop", stopReason="end_turn"))[-1] == StreamEnd("end", None)
    assert streamed(event("messageStop", stopReason="end_turn"), event("metadata"))[-1] == StreamEnd("end", None)
    for events in ((), (BEGIN, delta(0, text="a")), (event("metadata", usage=USAGE),)):
        with pytest.raises(Refused) as caught:
            streamed(*events)
        assert caught.value.code == "provider_cut"


@pytest.mark.parametrize(
    "events",
    [
        frames.event("contentBlockDelta", b"{"),
        frames.event("metadata", b"\xff"),
        frames.event("contentBlockDelta", b'{"x":' + b"[" * 9_000),
        frames.event("messageStop", b"{}"),
        delta(0, toolUse={"input": "{}"}),
        start(0, toolUse={"name": "f"}),
        start(0, toolUse={"toolUseId": "t", "name": "f", "type": "server_tool_use"})
        + delta(0, toolUse={"input": "{"})
        + stop(0),
        start(0, toolResult={"toolUseId": "t"}) + delta(0, toolResult="x") + stop(0),
    ],
)
def test_events_that_cannot_be_read(events: bytes) -> None:
    with pytest.raises(Refused) as caught:
        streamed(events, ENDED)
    assert caught.value.code == "provider_malformed"


EXCEPTIONS = [
    ("throttlingException", "provider_throttled"),
    ("modelNotReadyException", "provider_throttled"),
    ("serviceQuotaExceededException", "provider_throttled"),
    ("modelTimeoutException", "provider_timeout"),
    ("internalServerException", "provider_failed"),
    ("serviceUnavailableException", "provider_failed"),
    ("modelStreamErrorException", "provider_failed"),
    ("modelErrorException", "provider_failed"),
    ("validationException", "provider_refused"),
    ("accessDeniedException", "provider_refused"),
    ("resourceNotFoundException", "provider_refused"),
    ("somethingNewException", "provider_failed"),
]


@pytest.mark.parametrize(("kind", "code"), EXCEPTIONS)
def test_exceptions_in_a_stream(kind: str, code: str) -> None:
    payload = json.dumps({"message": "Words of theirs.", "originalStatusCode": 500}).encode()
    with pytest.raises(Refused) as caught:
        streamed(BEGIN, delta(0, text="a"), frames.exception(kind, payload))
    assert caught.value.code == code
    with pytest.raises(Refused) as caught:
        streamed(frames.exception(kind, b"not JSON"))
    assert caught.value.code == code


def test_an_error_that_is_not_modelled() -> None:
    headers = (
        (":message-type", "error"),
        (":error-code", "ThrottlingException"),
        (":error-message", "Slow down."),
    )
    with pytest.raises(Refused) as caught:
        streamed(frames.frame(headers, b""))
    assert caught.value.code == "provider_throttled"


# refusals of whole answers

ADDRESS = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "ValidationException", "provider_refused"),
        (400, "ServiceQuotaExceededException", "provider_throttled"),
        (403, "AccessDeniedException", "provider_refused"),
        (403, "UnrecognizedClientException", "provider_refused"),
        (403, "InvalidSignatureException", "provider_refused"),
        (403, "ExpiredTokenException", "provider_failed"),
        (404, "ResourceNotFoundException", "provider_refused"),
        (408, "ModelTimeoutException", "provider_timeout"),
        (424, "ModelErrorException", "provider_failed"),
        (429, "ThrottlingException", "provider_throttled"),
        (429, "ModelNotReadyException", "provider_throttled"),
        (500, "InternalServerException", "provider_failed"),
        (503, "ServiceUnavailableException", "provider_failed"),
        (400, "", "provider_refused"),
        (401, "", "provider_refused"),
        (413, "", "provider_refused"),
        (429, "", "provider_throttled"),
        (504, "", "provider_timeout"),
        (502, "", "provider_failed"),
        (302, "", "provider_failed"),
    ],
)
def test_what_another_status_means(status: int, kind: str, code: str) -> None:
    body = json.dumps({"message": "Words of theirs."}).encode()
    refused = refusal(status, body, kind=kind + ADDRESS if kind else None)
    assert refused.code == code
    if kind:
        typed = json.dumps({"__type": "com.amazon.bedrock#" + kind, "Message": "Words of theirs."}).encode()
        assert refusal(status, typed).code == code
    assert ("Words of theirs." in refused.message) == (code == "provider_refused" and status not in (401, 403))
    assert is_expired(refused) == (kind == "ExpiredTokenException")
    assert refusal(status, b'{"x":' + b"[" * 9_000).code == refusal(status, b"").code
    assert refusal(status, b"<html>").code == ("provider_throttled" if status == 429 else refusal(status, b"").code)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("inf", None),
        ("nan", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        (None, None),
    ],
)
def test_when_to_try_again(header: str | None, seconds: float | None) -> None:
    for status in (429, 503):
        assert refusal(status, b"{}", retry_after=header).facts.get("retry_after_seconds") == seconds


@pytest.mark.parametrize(
    "message",
    [
        "Input is too long for requested model.",
        "The model returned the following errors: prompt is too long: 204698 tokens > 200000 maximum",
        "The model returned the following errors: input length and `max_tokens` exceed context limit: 1 + 2 > 3",
        "This model's maximum context length is 8192 tokens.",
        "Too many input tokens. Max input tokens: 8192",
    ],
)
def test_an_input_that_is_too_long(message: str) -> None:
    body = json.dumps({"message": message}).encode()
    assert refusal(400, body, kind="ValidationException").code == "context_exceeded"


def test_the_operators_account_is_not_named() -> None:
    arn = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.x"
    said = f"User {arn} of account 123456789012 must not; 12345678901 may."
    refused = refusal(404, json.dumps({"message": said}).encode())
    assert "123456789012" not in refused.message
    assert "User … of account … must not; 12345678901 may." in refused.message
    assert len(refusal(400, json.dumps({"message": "x" * 9999}).encode()).message) < 700


def test_pieces_of_a_stream_do_not_depend_on_where_it_is_cut() -> None:
    data = b"".join((BEGIN, delta(0, text="Grüße"), stop(0), ENDED))
    for places in ((0, 1, len(data)), (*range(0, len(data), 7), len(data))):
        decoder, reader = EventStreamDecoder(), StreamReader()
        pieces = [p for a, b in pairwise(places) for f in decoder.feed(data[a:b]) for p in reader.read(f)]
        assert pieces == [TextDelta("Grüße"), PartEnd()]
        assert reader.complete
