"""What a model answers, written for Anthropic's clients: whole and as events it says the same, and nothing else."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from packhouse.adapters.models.anthropic.answer import STOPS as READ_STOPS
from packhouse.adapters.models.anthropic.answer import read_answer
from packhouse.adapters.models.anthropic.stream import EventReader
from packhouse.adapters.models.http import SseDecoder
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ForeignPiece,
    PartEnd,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Foreign, Text, Thinking, ToolUse
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.stream import EventWriter
from packhouse.entrypoints.gateway.anthropic.write import STOPS, Heading, message
from tests.support.anthropic_recordings import Json, body_of, events_of, recorded, whole_of, without_the_rest
from tests.support.chat_pieces import joined, pieces_of

HEADING = Heading("msg_1", "claude-sonnet-4-6")
CLASSES = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
event_of = TypeAdapter[Any](BetaRawMessageStreamEvent).validate_python


def whole(answer: ChatAnswer) -> Json:
    """As a client gets it, held to the client's own type."""
    body = json.loads(message(HEADING, answer, tokens=answer.tokens or ModelTokens()))
    BetaMessage.model_validate(body)
    return body


def streamed(pieces: Sequence[ChatPiece]) -> bytes:
    writer = EventWriter(HEADING)
    end = pieces[-1]
    assert isinstance(end, StreamEnd)
    return writer.opening() + b"".join(map(writer.piece, pieces)) + writer.closing(end)


def events(pieces: Sequence[ChatPiece]) -> list[Json]:
    """As a client gets them, held to the client's own types; each is named as it is typed."""
    data = streamed(pieces).decode()
    read = events_of(data)
    assert [line.removeprefix("event: ") for line in data.split("\n") if line.startswith("event:")] == [
        event["type"] for event in read
    ]
    for event in read:
        if event["type"] != "ping":
            event_of(event)
    return read


def read_again(data: bytes) -> ChatAnswer:
    reader = EventReader()
    pieces = [piece for event in SseDecoder().feed(data) for piece in reader.read(event.data)]
    assert reader.ended is not None
    return joined([*pieces, reader.ended])


def said(body: Json) -> Json:
    """What counts of a message: its blocks, why it ended, and the four classes of tokens."""
    return {
        "content": [without_the_rest(block) for block in body["content"]],
        "stop_reason": body["stop_reason"],
        "stop_sequence": body["stop_sequence"],
        "usage": {name: body["usage"].get(name) or 0 for name in CLASSES},
    }


# recorded


@pytest.mark.needs("recordings")
def test_every_recorded_answer_is_written_as_it_came() -> None:
    for exchange in recorded("/v1/messages"):
        body = body_of(exchange)
        answer = read_answer(json.dumps(body).encode())
        assert said(whole(answer)) == said(body), exchange["id"]
        for size in (1, 40):
            assert said(whole_of(events(list(pieces_of(answer, size=size))))) == said(body), exchange["id"]


@pytest.mark.needs("recordings")
def test_every_recorded_stream_is_written_as_it_came() -> None:
    for exchange in recorded("/v1/messages", streamed=True):
        text = exchange["response"]["text"]
        reader = EventReader()
        pieces = [piece for event in SseDecoder().feed(text.encode()) for piece in reader.read(event.data)]
        assert reader.ended is not None
        written = events([*pieces, reader.ended])
        given = events_of(text)
        assert said(whole_of(written)) == said(whole_of(given)), exchange["id"]
        for kind in ("content_block_start", "content_block_stop"):
            order = [event["index"] for event in given if event["type"] == kind]
            assert [event["index"] for event in written if event["type"] == kind] == order


# any


_texts = st.text(max_size=9)
_words = st.text(min_size=1, max_size=9)
_numbers = st.integers(0, 99)
_objects = st.dictionaries(_words, st.one_of(st.integers(), _words, st.none()), max_size=3)
_placed = st.builds(
    Citation,
    kind=st.sampled_from(["characters", "pages", "blocks"]),
    cited_text=_texts,
    title=_texts,
    document=_numbers,
    start=_numbers,
    end=_numbers,
)
_found = st.builds(
    Citation,
    kind=st.just("search_result"),
    cited_text=_texts,
    title=_texts,
    source=_texts,
    document=_numbers,
    start=_numbers,
    end=_numbers,
)
_web = st.builds(Citation, kind=st.just("web"), cited_text=_texts, title=_texts, source=_texts, mark=_texts)
_cited = st.lists(st.one_of(_placed, _found, _web), max_size=2).map(tuple)
_uses = st.builds(ToolUse, _words, _words, _objects.map(lambda each: msgspec.json.encode(each).decode()))
_foreign = _objects.map(
    lambda fields: Foreign(
        "anthropic", "server_tool_use", msgspec.Raw(msgspec.json.encode({"type": "server_tool_use"} | fields))
    )
)
_parts = st.one_of(
    st.builds(Text, _words, _cited),
    st.builds(Thinking, _words, _texts),
    st.builds(Thinking, st.just(""), redacted=_words),
    _uses,
    _foreign,
)
_tokens = st.builds(ModelTokens, _numbers, _numbers, _numbers, _numbers)
_answers = st.builds(
    ChatAnswer,
    st.lists(_parts, max_size=6).map(tuple),
    st.sampled_from(sorted(set(READ_STOPS.values()))),
    _tokens,
    _texts,
)


@given(_answers)
def test_whatever_is_answered_is_what_is_read_again(answer: ChatAnswer) -> None:
    assert read_answer(message(HEADING, answer, tokens=answer.tokens or ModelTokens())) == answer


@given(_answers, st.integers(1, 9))
def test_whatever_is_streamed_is_what_is_read_again(answer: ChatAnswer, size: int) -> None:
    assert read_again(streamed(list(pieces_of(answer, size=size)))) == answer


@given(st.data(), st.lists(_uses, min_size=1, max_size=4), st.booleans())
def test_tool_calls_may_come_in_any_order_of_their_pieces(data: st.DataObject, uses: list[ToolUse], ends: bool) -> None:
    """Each call keeps its order; calls mix as the servers of some providers mix them."""
    waiting = [
        [ToolUseStart(place, use.id, use.name), *(ToolUseDelta(place, each) for each in use.arguments)]
        for place, use in enumerate(uses)
    ]
    pieces = list[ChatPiece]([TextDelta("So:")])
    begun = 0
    while any(waiting):
        open_ = [place for place, left in enumerate(waiting) if left and place <= begun]
        place = data.draw(st.sampled_from(open_))
        begun = max(begun, place + 1)
        pieces.append(waiting[place].pop(0))
        if ends and not any(waiting):
            pieces.append(PartEnd())
    body = whole_of(events([*pieces, StreamEnd("tool_use", None)]))
    assert [(block["id"], block["name"], block["input"]) for block in body["content"][1:]] == [
        (use.id, use.name, json.loads(use.arguments)) for use in uses
    ]
    stops = [
        event["index"]
        for event in events([*pieces, StreamEnd("tool_use", None)])
        if event["type"].endswith("_stop") and "index" in event
    ]
    assert sorted(stops) == list(range(len(uses) + 1)), "each block ends once"


# by hand


def kinds(*pieces: ChatPiece) -> list[str]:
    """The events between the message's own, in short."""
    read = events([*pieces, StreamEnd("end", None)])[2:-2]
    return [
        " ".join(
            str(word)
            for word in (
                event["type"].removeprefix("content_block_"),
                event["index"],
                event.get("content_block", {}).get("type") or event.get("delta", {}).get("type", ""),
            )
        ).strip()
        for event in read
    ]


def test_a_whole_call_ends_before_the_next_begins() -> None:
    """As Anthropic's own streams are, for clients that go by their order."""
    assert kinds(
        ToolUseStart(0, "a", "f"), ToolUseDelta(0, '{"x":'), ToolUseDelta(0, "1}"),
        ToolUseStart(1, "b", "f"), ToolUseDelta(1, "{}"),
        TextDelta("So"),
    ) == [
        "start 0 tool_use", "delta 0 input_json_delta", "delta 0 input_json_delta", "stop 0",
        "start 1 tool_use", "delta 1 input_json_delta", "stop 1",
        "start 2 text", "delta 2 text_delta", "stop 2",
    ]  # fmt: skip


def test_a_call_that_is_not_whole_stays_open_until_it_is() -> None:
    assert kinds(
        ToolUseStart(0, "a", "f"), ToolUseStart(1, "b", "f"), ToolUseDelta(0, '{"x":1}'), ToolUseDelta(1, "{}"),
    ) == [
        "start 0 tool_use", "start 1 tool_use", "delta 0 input_json_delta", "delta 1 input_json_delta",
        "stop 1", "stop 0",
    ]  # fmt: skip


def test_a_piece_of_a_call_that_never_began_is_passed_over() -> None:
    assert kinds(ToolUseDelta(3, "{}"), TextDelta("x")) == ["start 0 text", "delta 0 text_delta", "stop 0"]


def test_a_signature_is_told_once_and_whole() -> None:
    """Clients keep the last one of a block."""
    pieces = [ThinkingDelta("hm"), ThinkingDelta(signature="ab"), ThinkingDelta(signature="cd"), TextDelta("So")]
    deltas = [
        event["delta"] for event in events([*pieces, StreamEnd("end", None)]) if "index" in event and "delta" in event
    ]
    assert [delta["type"] for delta in deltas] == ["thinking_delta", "signature_delta", "text_delta"]
    assert deltas[1]["signature"] == "abcd"


def test_a_thought_after_a_signed_one_is_another() -> None:
    pieces = [ThinkingDelta("a", "1"), ThinkingDelta("b", "2"), StreamEnd("end", None)]
    assert read_again(streamed(pieces)).parts == (Thinking("a", "1"), Thinking("b", "2"))


def test_parts_of_other_dialects_are_not_written() -> None:
    """No client of this one could read them."""
    part = Foreign("bedrock", "image", msgspec.Raw(b'{"image":{}}'))
    assert whole(ChatAnswer((part, Text("x")), "end", None))["content"] == [{"type": "text", "text": "x"}]
    assert kinds(ForeignPiece(part), TextDelta("x")) == ["start 0 text", "delta 0 text_delta", "stop 0"]


def test_every_reason_to_stop_has_a_word_that_clients_know() -> None:
    for reason, word in STOPS.items():
        assert whole(ChatAnswer((), reason, None))["stop_reason"] == word
        if reason not in {"filtered", "malformed"}:
            assert READ_STOPS[word] == reason


@pytest.mark.parametrize("arguments", ["[1]", "{", '{"a":1}x', "7", '{"a":' + "[" * 99_999])
def test_arguments_that_are_no_object_are_shown_as_they_are(arguments: str) -> None:
    (block,) = whole(ChatAnswer((ToolUse("t", "f", arguments),), "tool_use", None))["content"]
    assert block["input"] == {"unreadable": arguments}


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    (block,) = whole(ChatAnswer((ToolUse("t", "f", arguments),), "tool_use", None))["content"]
    assert block["input"] == {}
    pieces: list[ChatPiece] = (
        [ToolUseStart(0, "t", "f"), ToolUseDelta(0, arguments)] if arguments else [ToolUseStart(0, "t", "f")]
    )
    assert whole_of(events([*pieces, PartEnd(), StreamEnd("tool_use", None)]))["content"][0]["input"] == {}


def test_what_goes_along_with_a_grounded_answer() -> None:
    extra = msgspec.Raw(b'{"references":[]}')
    body = json.loads(message(HEADING, ChatAnswer((), "end", None), tokens=ModelTokens(), packhouse=extra))
    assert body["packhouse"] == {"references": []}
    last = EventWriter(HEADING).closing(StreamEnd("end", None), packhouse=extra).decode()
    assert events_of(last)[0]["packhouse"] == {"references": []}
