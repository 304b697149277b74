"""Every part of a neutral chat in OpenAI's dialect and back: what has no place in it, and what servers do their way."""

import json
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.openai_compatible.answer import ChunkReader, read_answer
from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import (
    ChatPiece,
    ChatRequest,
    CitationDelta,
    ForeignOption,
    Message,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ThinkingWish,
)
from packhouse.domain.chat_part import (
    CachePoint,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.domain.errors import Refused
from packhouse.domain.openai_usage import OpenAIUsage
from packhouse.domain.units import ModelTokens

IMAGE = Image("image/png", b"\x89PNG")
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
USE = ToolUse("c1", "f", "{}")
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
AUDIO = msgspec.Raw(b'{"type":"input_audio","input_audio":{"data":"eA==","format":"mp3"}}')


def body_of(*messages: Message, ways: Ways | None = None, **fields: Any) -> dict[str, Any]:
    request = ChatRequest(model="m", messages=messages or (Message("user", (Text("x"),)),), **fields)
    return json.loads(chat_body(request, stream=False, ways=ways or Ways()))


def messages_of(*messages: Message, ways: Ways | None = None) -> list[dict[str, Any]]:
    return body_of(*messages, ways=ways)["messages"]


def refusal_of(*parts: Part, **fields: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        body_of(Message("user", parts or (Text("x"),)), **fields)
    return caught.value


def test_images_of_tools_results_follow_when_all_results_are_told() -> None:
    written = messages_of(
        Message("assistant", (USE, ToolUse("c2", "g", "{}"))),
        Message("tool", (ToolResult("c1", (Text("Here:"), IMAGE)),)),
        Message("tool", (ToolResult("c2", (IMAGE,)),)),
        Message("user", (Text("Well?"),)),
    )
    assert [message["role"] for message in written] == ["assistant", "tool", "tool", "user", "user"]
    assert (written[1]["content"], written[2]["tool_call_id"]) == ("Here:", "c2")
    assert written[2]["content"], "no server takes a result that is nothing"
    first, image, second, again = written[3]["content"]
    assert ("c1" in first["text"], image, "c2" in second["text"], again) == (True, SHOWN, True, SHOWN)
    assert written[4]["content"] == "Well?"


def test_they_follow_at_the_end_too_and_before_the_words_of_the_same_message() -> None:
    result = ToolResult("c1", (IMAGE,))
    ended = messages_of(Message("assistant", (USE,)), Message("tool", (result,)))
    assert [message["role"] for message in ended] == ["assistant", "tool", "user"]
    mixed = messages_of(Message("assistant", (USE,)), Message("user", (result, Text("Well?"))))
    assert [message["role"] for message in mixed] == ["assistant", "tool", "user", "user"]
    assert mixed[3]["content"] == "Well?"


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Document(blocks=("a", "b"), name="N", context="C"), "N\n\nC\n\na\n\nb"),
        (Document("text/plain", b"said", name="n.txt"), "n.txt\n\nsaid"),
        (SearchResult("https://a.example", "T", ("a", "b")), "T\nhttps://a.example\na\nb"),
    ],
)
def test_what_is_text_anyway_goes_as_text(part: Part, text: str) -> None:
    assert messages_of(Message("user", (part,)))[0]["content"] == text
    assert isinstance(part, Document | SearchResult)
    (result,) = messages_of(Message("tool", (ToolResult("c1", (part,)),)))
    assert result["content"] == text


def test_what_says_nothing_is_left_out() -> None:
    written = messages_of(
        Message("user", (Text(""), Text("a"), CachePoint("1h"))), Message("assistant", (Thinking("Hm", "s"), Text("")))
    )
    assert written == [{"role": "user", "content": "a"}]
    (result,) = messages_of(Message("tool", (ToolResult("c1", ()),)))
    assert result == {"role": "tool", "tool_call_id": "c1", "content": ""}


def test_thought_goes_back_to_servers_that_take_it() -> None:
    turn = Message("assistant", (Thinking("Hm", "s"), Thinking("", redacted="ZA=="), Text("a"), USE))
    assert messages_of(turn) == [{"role": "assistant", "content": "a", "tool_calls": [CALL]}]
    (taken,) = messages_of(turn, ways=Ways(takes_thinking=True))
    assert taken["reasoning_content"] == "Hm"
    assert taken["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "ZA=="},
    ]
    (plain,) = messages_of(Message("assistant", (Thinking("Hm"), Text("a"))), ways=Ways(takes_thinking=True))
    assert plain == {"role": "assistant", "content": "a", "reasoning_content": "Hm"}


def test_foreign_things_of_this_dialect_travel_as_they_are() -> None:
    tool = msgspec.Raw(b'{"type":"custom","custom":{"name":"c"}}')
    body = body_of(
        Message("user", (Text("a"), Foreign("openai", "input_audio", AUDIO))),
        tools=(Foreign("openai", "custom", tool),),
        options=(
            ForeignOption("openai", "verbosity", msgspec.Raw(b'"low"')),
            ForeignOption("anthropic", "anthropic_beta", msgspec.Raw(b'["x-2025-01-01"]')),
        ),
    )
    assert body["messages"][0]["content"][1] == json.loads(bytes(AUDIO))
    assert body["tools"] == [json.loads(bytes(tool))]
    assert body["verbosity"] == "low"
    assert "anthropic_beta" not in body


BLOCK = msgspec.Raw(b'{"type":"x"}')


@pytest.mark.parametrize(
    ("parts", "fields", "field"),
    [
        ((Foreign("anthropic", "container_upload", BLOCK),), {}, "messages"),
        ((Image(url="s3://bucket/a.png"),), {}, "messages"),
        ((Document(url="https://a.example/b.pdf"),), {}, "messages"),
        ((Document("application/pdf", b"%PDF", context="C"),), {}, "messages"),
        ((), {"tools": (Foreign("anthropic", "web_search", BLOCK),)}, "tools"),
        ((), {"options": (ForeignOption("anthropic", "mcp_servers", BLOCK),)}, "mcp_servers"),
        ((), {"options": (ForeignOption("bedrock", "guardrailConfig", BLOCK),)}, "guardrailConfig"),
    ],
)
def test_what_has_no_place_is_refused(parts: tuple[Part, ...], fields: Any, field: str) -> None:
    refused = refusal_of(*parts, **fields)
    assert (refused.code, refused.facts["field"]) == ("unsupported", field)


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"effort": "minimal"}, "minimal"),
        ({"thinking": ThinkingWish("adaptive")}, None),
        ({"thinking": ThinkingWish("off")}, "none"),
        ({"thinking": ThinkingWish("budget", 1_024)}, "low"),
        ({"thinking": ThinkingWish("budget", 8_000)}, "medium"),
        ({"thinking": ThinkingWish("budget", 60_000)}, "high"),
        ({"thinking": ThinkingWish("budget", 60_000), "effort": "low"}, "low"),
    ],
)
def test_how_hard_to_think(fields: Any, effort: str | None) -> None:
    assert body_of(**fields).get("reasoning_effort") == effort


# answers


def annotation(start: int, end: int, url: str = "https://a.example") -> dict[str, Any]:
    cited = {"start_index": start, "end_index": end, "title": "T", "url": url}
    return {"type": "url_citation", "url_citation": cited}


def cited(start: int = 0, end: int = 0, url: str = "https://a.example") -> Citation:
    return Citation(kind="web", title="T", source=url, start=start, end=end)


def answer_of(**message: Any) -> tuple[Part, ...]:
    body = {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}]}
    return read_answer(json.dumps(body).encode()).parts


B = "https://b.example"


@pytest.mark.parametrize(
    ("annotations", "parts"),
    [
        ([], (Text("abcdef"),)),
        ([annotation(2, 4)], (Text("ab"), Text("cd", (cited(),)), Text("ef"))),
        ([annotation(0, 6)], (Text("abcdef", (cited(),)),)),
        ([annotation(4, 6), annotation(0, 2)], (Text("ab", (cited(),)), Text("cd"), Text("ef", (cited(),)))),
        ([annotation(2, 4), annotation(2, 4, B)], (Text("ab"), Text("cd", (cited(), cited(url=B))), Text("ef"))),
        ([annotation(1, 4), annotation(3, 5, B)], (Text("a"), Text("bcde", (cited(0, 3), cited(2, 4, B))), Text("f"))),
        ([annotation(2, 99)], (Text("abcdef", (cited(),)),)),
        ([annotation(3, 3)], (Text("abcdef", (cited(),)),)),
        ([{"type": "file_citation"}], (Text("abcdef"),)),
    ],
)
def test_annotations_are_citations_of_the_text_between_them(annotations: Any, parts: tuple[Part, ...]) -> None:
    assert answer_of(content="abcdef", annotations=annotations) == parts


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a", "reasoning": "Hm"}, (Thinking("Hm"), Text("a"))),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            (Thinking("Hm"), Text("a")),
        ),
        (
            {
                "content": "a",
                "reasoning_content": "Hm",
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "Hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "ZA=="},
                ],
            },
            (Thinking("Hm", "s"), Thinking("", redacted="ZA=="), Text("a")),
        ),
    ],
    ids=["Ollama, vLLM", "Mistral", "a gateway before Claude"],
)
def test_how_servers_tell_what_was_thought(message: Any, parts: tuple[Part, ...]) -> None:
    assert answer_of(**message) == parts


def pieces_of(*deltas: dict[str, Any], **ending: Any) -> list[ChatPiece]:
    reader = ChunkReader()
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop", **ending}]})
    return [*(piece for chunk in chunks for piece in reader.read(json.dumps(chunk).encode())), reader.end()]


def test_a_streams_thought_and_annotations() -> None:
    assert pieces_of(
        {"reasoning_content": "Hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "s"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "ZA=="}]},
        {"content": "abc"},
        {"annotations": [annotation(1, 2)]},
    ) == [
        ThinkingDelta("Hm"),
        ThinkingDelta(signature="s"),
        ThinkingDelta(redacted="ZA=="),
        TextDelta("abc"),
        CitationDelta(cited(1, 2)),
        StreamEnd("end", None),
    ]


def test_a_streams_refusal_and_stop_sequence() -> None:
    assert pieces_of({"refusal": "No"}, {"refusal": "."})[-1] == StreamEnd("refused", None)
    assert pieces_of({"content": "a"}, stop_reason="END")[-1] == StreamEnd("stop_sequence", None, "END")


# what was consumed


THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 39}


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"total_tokens": 12}, ModelTokens(9, 3)),
        ({"completion_tokens": None, "prompt_tokens_details": None}, ModelTokens(9)),
        ({"prompt_tokens": None}, None),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, ModelTokens(5, 3, 4)),
        ({"prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}}, ModelTokens(2, 3, 4, 3)),
        ({"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5}, ModelTokens(5, 3, 4)),
        ({"cached_tokens": 4}, ModelTokens(5, 3, 4)),
        ({"completion_tokens": 30, **THOUGHT}, ModelTokens(9, 30)),
        ({"completion_tokens": 10, **THOUGHT}, ModelTokens(9, 30)),
        ({"prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": -1}}, ModelTokens(0, 3, 9)),
        ({"completion_tokens": -5}, ModelTokens(9, 0)),
        ({"prompt_tokens": -9}, None),
        ({"completion_tokens": 2**70}, None),
    ],
    ids=[
        "plain",
        "nulls",
        "nothing",
        "cached",
        "cache writes",
        "DeepSeek",
        "Moonshot",
        "thought within",
        "thought beside",
        "nonsense",
        "less than nothing written",
        "less than nothing read",
        "too much",
    ],
)
def test_how_servers_tell_what_was_consumed(more: Any, tokens: ModelTokens | None) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, **more}
    assert msgspec.convert(usage, OpenAIUsage).tokens() == tokens
