"""Bodies for Anthropic: everything that the neutral chat can say, and what it refuses to say."""

import json
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.anthropic.request import betas_of, count_body, messages_body
from packhouse.domain.chat import (
    ChatRequest,
    ForeignOption,
    Message,
    OutputFormat,
    Role,
    ThinkingWish,
    Tool,
    ToolChoice,
)
from packhouse.domain.chat_part import (
    CachePoint,
    Document,
    Foreign,
    Image,
    Part,
    Text,
    Thinking,
    ToolUse,
    text_result,
)
from packhouse.domain.errors import Refused

Json = dict[str, Any]
SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')
CACHED = {"cache_control": {"type": "ephemeral"}}
PNG = b"\x89PNG"


def asked(*messages: Message, **more: Any) -> ChatRequest:
    defaults: Json = {"model": "claude-sonnet-4-6", "output_tokens_max": 99}
    return ChatRequest(messages=messages or (said("user", Text("hi")),), **{**defaults, **more})


def said(role: Role, *parts: Part) -> Message:
    return Message(role, parts)


def written(request: ChatRequest, *, stream: bool = False) -> Json:
    return json.loads(messages_body(request, stream=stream))


def refused(request: ChatRequest) -> Refused:
    with pytest.raises(Refused) as caught:
        messages_body(request, stream=False)
    return caught.value


def test_nothing_is_said_that_was_not_asked() -> None:
    body = {
        "model": "claude-sonnet-4-6",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "max_tokens": 99,
    }
    assert written(asked()) == body
    assert written(asked(), stream=True) == body | {"stream": True}


def test_every_wish() -> None:
    request = asked(
        temperature=0.0,
        top_p=0.5,
        top_k=0,
        stop=("END", "STOP"),
        user="u-1",
        effort="high",
        thinking=ThinkingWish("adaptive", display="summarized"),
        output_format=OutputFormat("json_schema", SCHEMA, "named", strict=True),
        cache_point=CachePoint("1h"),
        seed=7,
        presence_penalty=0.0,
    )
    body = written(request)
    assert {name: value for name, value in body.items() if name not in {"model", "messages", "max_tokens"}} == {
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 0,
        "stop_sequences": ["END", "STOP"],
        "metadata": {"user_id": "u-1"},
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": json.loads(bytes(SCHEMA))}},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }


@pytest.mark.parametrize(
    ("wish", "wire"),
    [
        (ThinkingWish("off"), {"type": "disabled"}),
        (ThinkingWish("budget", 2048), {"type": "enabled", "budget_tokens": 2048}),
        (ThinkingWish("adaptive"), {"type": "adaptive"}),
    ],
)
def test_thinking(wish: ThinkingWish, wire: Json) -> None:
    assert written(asked(thinking=wish))["thinking"] == wire


@pytest.mark.parametrize(
    ("effort", "wire"), [("minimal", {"effort": "low"}), ("max", {"effort": "max"}), ("none", None)]
)
def test_effort(effort: str, wire: Json | None) -> None:
    assert written(asked(effort=effort)).get("output_config") == wire


def test_any_json_object_is_asked_for_in_words() -> None:
    body = written(asked(output_format=OutputFormat("json_object")))
    assert "JSON" in body["system"][0]["text"]
    assert "output_config" not in body


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(), None),
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("tool", "look_up"), {"type": "tool", "name": "look_up"}),
        (ToolChoice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
    ],
)
def test_tools_and_the_choice_between_them(choice: ToolChoice, wire: Json | None) -> None:
    own = Foreign(
        "anthropic", "web_search_20250305", msgspec.Raw(b'{"type":"web_search_20250305","name":"web_search"}')
    )
    tools = (Tool("look_up", "looks up", SCHEMA, True, CachePoint()), Tool("bare"), own)
    body = written(asked(tools=tools, tool_choice=choice))
    assert body["tools"] == [
        {
            "name": "look_up",
            "description": "looks up",
            "input_schema": json.loads(bytes(SCHEMA)),
            "strict": True,
            **CACHED,
        },
        {"name": "bare", "input_schema": {"type": "object", "properties": {}}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    assert body.get("tool_choice") == wire
    assert "tool_choice" not in written(asked(tool_choice=choice))


# the conversation


def test_turns_alternate_and_the_system_stands_in_front() -> None:
    body = written(
        asked(
            said("system", Text("one"), CachePoint("5m")),
            said("system", Text("two")),
            said("user", Text("a")),
            said("user", Text("b")),
            said("assistant", ToolUse("t1", "look_up", '{"q": 1}')),
            said("tool", text_result("t1", "found")),
            said("user", Text("c"), CachePoint()),
            said("system", Text("three")),
        )
    )
    assert body["system"] == [
        {"type": "text", "text": "one", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
        {"type": "text", "text": "two"},
        {"type": "text", "text": "three"},
    ]
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look_up", "input": {"q": 1}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "found"}]},
                {"type": "text", "text": "c", **CACHED},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("model", "hears"),
    [
        ("claude-opus-4-8", True),
        ("claude-sonnet-5-5", True),
        ("claude-fable-10", True),
        ("claude-sonnet-4-6", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-3-7-sonnet-20250219", False),
        ("another-5", False),
    ],
)
def test_what_the_system_says_amid_stays_where_the_model_hears_it(model: str, *, hears: bool) -> None:
    between = (
        said("user", Text("a")),
        said("system", Text("s")),
        said("assistant", Text("b")),
        said("user", Text("c")),
    )
    body = written(asked(*between, model=model))
    assert [each["role"] for each in body["messages"]] == ["user", *(["system"] if hears else []), "assistant", "user"]
    assert ("system" in body) is not hears


def test_what_the_system_says_amid_goes_in_front_where_it_may_not_stand() -> None:
    before_the_user = (said("user", Text("a")), said("system", Text("s")), said("user", Text("b")))
    after_the_model = (said("user", Text("a")), said("assistant", Text("b")), said("system", Text("s")))
    for messages in (before_the_user, after_the_model):
        assert written(asked(*messages, model="claude-opus-4-8"))["system"] == [{"type": "text", "text": "s"}]


def test_blocks_of_anthropics_own_keep_their_place_in_the_conversation() -> None:
    raw = msgspec.Raw(b'{"type":"tool_addition","tool":{"type":"tool_reference","name":"x"}}')
    body = written(asked(said("user", Text("a")), said("system", Foreign("anthropic", "tool_addition", raw))))
    assert body["messages"][1] == {"role": "system", "content": [json.loads(bytes(raw))]}


def test_what_would_be_refused_for_nothing_is_left_out() -> None:
    body = written(
        asked(
            said("user", Text(""), Text("a"), Text(" \n")),
            said("assistant", Text("")),
            said("user", Text("b")),
            said("assistant", Thinking("another model's")),
        )
    )
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body["messages"] == [{"role": "user", "content": texts}]


def test_ids_that_anthropic_does_not_take_become_others_on_both_ends() -> None:
    body = written(
        asked(said("assistant", ToolUse("functions.f:0", "f", "{}")), said("tool", text_result("functions.f:0", "a")))
    )
    use, result = (message["content"][0] for message in body["messages"])
    assert use["id"] == result["tool_use_id"]
    assert use["id"].startswith("toolu_")
    assert use["id"].replace("_", "").isalnum()


# what the caller wrote in this dialect


def test_options_of_the_dialect_are_written_as_they_are() -> None:
    options = (
        ForeignOption("anthropic", "mcp_servers", msgspec.Raw(b'[{"name":"m"}]')),
        ForeignOption("anthropic", "output_config", msgspec.Raw(b'{"task_budget":{"total":1}}')),
        ForeignOption("anthropic", "anthropic_beta", msgspec.Raw(b'["files-api-2025-04-14","b"]')),
    )
    request = asked(options=options, effort="low")
    body = written(request)
    assert body["mcp_servers"] == [{"name": "m"}]
    assert body["output_config"] == {"task_budget": {"total": 1}, "effort": "low"}
    assert "anthropic_beta" not in body
    assert betas_of(request) == "files-api-2025-04-14,b"


@pytest.mark.parametrize("json_", [b'["a\\r\\nx-api-key: b"]', b'"a"', b"[1]", b'[""]', b'["\xc3\xa9"]'])
def test_a_beta_is_a_name(json_: bytes) -> None:
    with pytest.raises(Refused) as caught:
        betas_of(asked(options=(ForeignOption("anthropic", "anthropic_beta", msgspec.Raw(json_)),)))
    assert caught.value.code == "invalid_request"


# refusals


@pytest.mark.parametrize(
    "request_",
    [
        asked(presence_penalty=0.5),
        asked(frequency_penalty=-0.5),
        asked(options=(ForeignOption("bedrock", "guardrailConfig", msgspec.Raw(b"{}")),)),
        asked(tools=(Foreign("bedrock", "systemTool", msgspec.Raw(b"{}")),)),
        asked(said("user", Foreign("bedrock", "video", msgspec.Raw(b"{}")))),
        asked(said("user", Image(url="s3://bucket/key"))),
        asked(said("user", Document(url="s3://bucket/key"))),
        asked(said("user", Document("application/zip", b"PK"))),
        asked(said("user", Document("text/plain", b"\xff"))),
        asked(said("system", Image("image/png", PNG)), said("user", Text("a"))),
    ],
)
def test_what_anthropic_has_not_is_refused(request_: ChatRequest) -> None:
    assert refused(request_).code == "unsupported"


@pytest.mark.parametrize(
    "arguments", ["[]", "{", '{"a":1}],"max_tokens":9', "x", '{"a":' + "[" * 99_999 + "]" * 99_999 + "}"]
)
def test_arguments_that_are_no_object_are_never_written(arguments: str) -> None:
    assert refused(asked(said("assistant", ToolUse("t", "f", arguments)))).code == "invalid_request"


def test_the_count_asks_for_what_counts() -> None:
    request = asked(
        said("system", Text("s")),
        said("user", Text("a")),
        temperature=0.5,
        stop=("x",),
        user="u",
        tools=(Tool("f"),),
        tool_choice=ToolChoice("required"),
        thinking=ThinkingWish("budget", 1024),
        options=(ForeignOption("anthropic", "container", msgspec.Raw(b'"c"')),),
    )
    body = json.loads(count_body(request))
    assert body.keys() == {"model", "messages", "system", "tools", "tool_choice", "thinking"}
    assert body == {name: value for name, value in written(request).items() if name in body}
