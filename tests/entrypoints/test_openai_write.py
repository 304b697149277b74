"""Neutral answers in OpenAI's dialect, whole and streamed: nothing of them is lost, and OpenAI's description holds."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    CitationDelta,
    ForeignPiece,
    PartEnd,
    StopReason,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.entrypoints.gateway.openai.write import FINISH, REFUSAL, completion
from tests.simulators.shapes import check_openai
from tests.support.openai_stream import HEADING, gathered, written

TOKENS = ModelTokens(3, 5, cache_read=7, cache_write=11)
BLOCK = Foreign("anthropic", "server_tool_use", msgspec.Raw(b'{"type":"server_tool_use","id":"s1"}'))
WEB = Citation(kind="web", title="T", source="https://a.example", mark="m", cited_text="c")
PLAIN_WEB = Citation(kind="web", title="U", source="https://b.example")
PAGE = Citation(kind="pages", title="D", document=1, start=2, end=3, cited_text="said")


def whole(*parts: Part, reason: StopReason = "end", sequence: str = "") -> dict[str, Any]:
    answer = ChatAnswer(parts, reason, TOKENS, sequence)
    return json.loads(completion(HEADING, answer, tokens=TOKENS))


def message(*parts: Part, reason: StopReason = "end") -> dict[str, Any]:
    return whole(*parts, reason=reason)["choices"][0]["message"]


def test_a_text() -> None:
    assert whole(Text("Hello"), Text(" there")) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 21,
            "completion_tokens": 5,
            "total_tokens": 26,
            "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 11},
        },
    }


def test_calls_of_tools() -> None:
    said = message(ToolUse("c1", "f", '{"a":1}'), ToolUse("c2", "g", ""), reason="tool_use")
    assert said["content"] is None
    assert said["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert message(Text("So:"), ToolUse("c1", "f", "{}"))["content"] == "So:"


def test_thought_keeps_its_signatures() -> None:
    said = message(Thinking("Hm", "s1"), Thinking("", redacted="ZGF0YQ=="), Thinking("Ah", "s2"), Text("x"))
    assert said["reasoning_content"] == "HmAh"
    assert said["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "thinking", "thinking": "Ah", "signature": "s2"},
    ]
    assert "thinking_blocks" not in message(Thinking("Hm"), Text("x")), "its text says all of it"


def test_web_pages_are_annotations_of_the_text_that_cites_them() -> None:
    said = message(Text("äh "), Text("sky", (WEB, PLAIN_WEB)), Text(" is "), Text("blue", (PAGE,)))
    assert [each["url_citation"] for each in said["annotations"]] == [
        {"start_index": 3, "end_index": 6, "title": "T", "url": "https://a.example"},
        {"start_index": 3, "end_index": 6, "title": "U", "url": "https://b.example"},
    ]
    web, page = said["provider_specific_fields"]["citations"]
    assert (web["kind"], web["mark"], web["cited_text"], web["start_index"], web["end_index"]) == (
        "web",
        "m",
        "c",
        3,
        6,
    )
    assert page == {
        "kind": "pages",
        "start_index": 10,
        "end_index": 14,
        "cited_text": "said",
        "title": "D",
        "document": 1,
        "start": 2,
        "end": 3,
    }


def test_a_citation_may_count_characters_of_its_text() -> None:
    inner = msgspec.structs.replace(PLAIN_WEB, start=1, end=3)
    said = message(Text("ab"), Text("cdefg", (inner,)))
    assert said["annotations"][0]["url_citation"]["start_index"] == 3
    assert said["annotations"][0]["url_citation"]["end_index"] == 5


def test_what_the_dialect_has_no_word_for_stands_beside_it() -> None:
    said = message(BLOCK, Text("x"), reason="paused")
    assert said["provider_specific_fields"] == {
        "blocks": [
            {"dialect": "anthropic", "type": "server_tool_use", "block": {"type": "server_tool_use", "id": "s1"}}
        ],
        "stop_reason": "paused",
    }


@pytest.mark.parametrize(("parts", "refusal"), [((Text("I will not."),), "I will not."), ((), REFUSAL)])
def test_a_refusal_says_so(parts: tuple[Part, ...], refusal: str) -> None:
    choice = whole(*parts, reason="refused")["choices"][0]
    assert (choice["message"]["content"], choice["message"]["refusal"]) == (None, refusal)
    assert choice["finish_reason"] == "content_filter"


def test_the_stop_sequence_is_told() -> None:
    assert whole(Text("x"), reason="stop_sequence", sequence="END")["choices"][0]["stop_reason"] == "END"
    chunks = written([TextDelta("x"), StreamEnd("stop_sequence", TOKENS, "END")])
    assert (gathered(chunks)["finish_reason"], gathered(chunks)["stop_reason"]) == ("stop", "END")


PIECES: list[ChatPiece] = [
    ThinkingDelta("Hm"),
    ThinkingDelta("m"),
    ThinkingDelta(signature="s1"),
    PartEnd(),
    ThinkingDelta(redacted="ZGF0YQ=="),
    PartEnd(),
    ForeignPiece(BLOCK),
    TextDelta("The "),
    PartEnd(),
    CitationDelta(WEB),
    TextDelta("sk"),
    TextDelta("y"),
    CitationDelta(PAGE),
    PartEnd(),
    TextDelta(" is blue."),
    PartEnd(),
    ToolUseStart(0, "c1", "f"),
    ToolUseDelta(0, '{"a"'),
    ToolUseDelta(0, ":1}"),
    ToolUseStart(1, "c2", "g"),
    ToolUseDelta(1, ""),
    StreamEnd("tool_use", TOKENS),
]
PARTS: tuple[Part, ...] = (
    Thinking("Hmm", "s1"),
    Thinking("", redacted="ZGF0YQ=="),
    BLOCK,
    Text("The "),
    Text("sky", (WEB, PAGE)),
    Text(" is blue."),
    ToolUse("c1", "f", '{"a":1}'),
    ToolUse("c2", "g", "{}"),
)


def test_a_stream_comes_to_what_the_whole_answer_is() -> None:
    streamed = gathered(written(PIECES))
    assert streamed.pop("finish_reason") == "tool_calls"
    assert streamed.pop("usage") == whole()["usage"]
    assert {**streamed, "refusal": None} == message(*PARTS, reason="tool_use")


def test_text_and_thought_go_out_as_they_come_and_what_is_of_a_whole_part_with_its_end() -> None:
    deltas = [choice["delta"] for chunk in written(PIECES) for choice in chunk["choices"]]
    told = [", ".join(sorted(delta)) for delta in deltas]
    assert told == [
        "content, role",
        "reasoning_content",
        "reasoning_content",
        "thinking_blocks",
        "thinking_blocks",
        "provider_specific_fields",
        "content",
        "content",
        "content",
        "annotations, provider_specific_fields",
        "content",
        *["tool_calls"] * 5,
        "",
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        [ThinkingDelta("a", "s"), ThinkingDelta("b", "t"), TextDelta("x")],
        [ThinkingDelta("a"), ThinkingDelta(signature="s"), ThinkingDelta("b"), ThinkingDelta(signature="t")],
    ],
)
def test_thoughts_that_follow_each_other_stay_apart(pieces: list[ChatPiece]) -> None:
    blocks = gathered(written([*pieces, StreamEnd("end", None)]))["thinking_blocks"]
    assert [(block["thinking"], block["signature"]) for block in blocks] == [("a", "s"), ("b", "t")]


def test_a_streamed_refusal_is_told_at_its_end() -> None:
    said = gathered(written([TextDelta("I will"), StreamEnd("refused", TOKENS)]))
    assert (said["content"], said["refusal"], said["finish_reason"]) == ("I will", REFUSAL, "content_filter")


def test_usage_is_told_where_it_was_asked_for() -> None:
    asked, unasked = (written([TextDelta("x"), StreamEnd("end", TOKENS)], include_usage=on) for on in (True, False))
    assert [chunk["usage"] for chunk in asked[:-1]] == [None] * (len(asked) - 1)
    assert (asked[-1]["choices"], asked[-1]["usage"]["total_tokens"]) == ([], 26)
    assert all("usage" not in chunk for chunk in unasked)
    assert len(unasked) == len(asked) - 1


def test_what_was_answered_can_be_sent_back_as_it_is() -> None:
    """As clients do that put the answer's message into the conversation."""
    read = read_chat(msgspec.json.encode({"messages": [{"role": "user", "content": "x"}, message(*PARTS)]}))
    assert read.messages[1].parts == (*PARTS[:3], Text("The sky is blue."), *PARTS[6:])
    streamed = {**gathered(written(PIECES)), "refusal": None}
    again = read_chat(msgspec.json.encode({"messages": [{"role": "user", "content": "x"}, streamed]}))
    assert again.messages == read.messages


CITATIONS = st.builds(
    Citation,
    kind=st.sampled_from(["characters", "pages", "blocks", "search_result", "web"]),
    cited_text=st.text(max_size=5),
    title=st.text(max_size=5),
    source=st.sampled_from(["", "https://a.example"]),
    document=st.integers(0, 3),
    start=st.integers(0, 3),
    end=st.integers(0, 9),
    mark=st.text(max_size=3),
)
ANSWER_PARTS = st.one_of(
    st.builds(Text, st.text(max_size=9), st.lists(CITATIONS, max_size=2).map(tuple)),
    st.builds(Thinking, st.text(max_size=9), st.text(max_size=4)),
    st.builds(Thinking, st.just(""), redacted=st.text(min_size=1, max_size=4)),
    st.builds(ToolUse, st.text(max_size=4), st.text(max_size=4), st.text(max_size=9)),
    st.just(BLOCK),
)
STOPS = st.sampled_from(list(FINISH))
TOKEN_COUNTS = st.builds(ModelTokens, *[st.integers(0, 10**9)] * 4)


@pytest.mark.needs("specs")
@given(st.lists(ANSWER_PARTS, max_size=6), STOPS, TOKEN_COUNTS)
def test_whole_answers_are_as_published(parts: list[Part], reason: StopReason, tokens: ModelTokens) -> None:
    body = completion(HEADING, ChatAnswer(tuple(parts), reason, tokens), tokens=tokens)
    check_openai("CreateChatCompletionResponse", json.loads(body))
    parsed = ChatCompletion.model_validate_json(body, strict=True)
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == tokens.total


def _pieces(parts: list[Part]) -> Iterator[ChatPiece]:
    calls = 0
    for part in parts:
        match part:
            case Text(text=text, citations=citations):
                yield from map(CitationDelta, citations)
                yield TextDelta(text)
                yield PartEnd()
            case Thinking(text=text, signature=signature, redacted=redacted):
                yield ThinkingDelta(text, signature, redacted)
                yield PartEnd()
            case ToolUse(id=id_, name=name, arguments=arguments):
                yield ToolUseStart(calls, id_, name)
                yield ToolUseDelta(calls, arguments)
                calls += 1
            case Foreign():
                yield ForeignPiece(part)
            case _:
                raise AssertionError(part)


@given(st.lists(ANSWER_PARTS, max_size=6), st.sampled_from(["end", "tool_use", "paused"]))
def test_openais_own_client_puts_a_stream_together(parts: list[Part], reason: StopReason) -> None:
    """It does so with every list alike: by the `index` of its entries. (For other reasons to stop it raises.)"""
    chunks = written([*_pieces(parts), StreamEnd(reason, TOKENS)])
    state = ChatCompletionStreamState()
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    (choice,) = state.get_final_completion().model_dump(exclude_unset=True, warnings=False)["choices"]
    mine = gathered(chunks)
    assert choice["finish_reason"] == mine["finish_reason"]
    for name in ("content", "refusal", "reasoning_content", "thinking_blocks", "annotations"):
        assert (_unplaced(choice["message"].get(name)) or None) == (mine.get(name) or None)
    assert _unplaced(choice["message"].get("provider_specific_fields")) == mine.get("provider_specific_fields")
    calls = [call["function"] for call in choice["message"].get("tool_calls") or ()]
    assert [(call["name"], call["arguments"]) for call in calls] == [
        (call["function"]["name"], call["function"]["arguments"]) for call in mine["tool_calls"]
    ]


def _unplaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unplaced(each) for name, each in value.items() if name != "index"}
    return [_unplaced(each) for each in value] if isinstance(value, list) else value


@pytest.mark.needs("specs")
@given(st.lists(ANSWER_PARTS, max_size=6), STOPS, TOKEN_COUNTS, st.booleans())
def test_streams_are_as_published(parts: list[Part], reason: StopReason, tokens: ModelTokens, usage: bool) -> None:
    chunks = written([*_pieces(parts), StreamEnd(reason, tokens)], include_usage=usage)
    for chunk in chunks:
        check_openai("CreateChatCompletionStreamResponse", chunk)
        ChatCompletionChunk.model_validate(chunk)
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == FINISH[reason]
