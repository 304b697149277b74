"""What a body in OpenAI's dialect comes to in neutral words, and what is refused of it, by name."""

import base64
import json
from typing import Any

import pytest

from packhouse.domain.chat import ChatRequest, ForeignOption, OutputFormat, ThinkingWish, Tool, ToolChoice
from packhouse.domain.chat_part import (
    CachePoint,
    Document,
    Foreign,
    Image,
    Part,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.openai.body import RelayBody, decode_envelope
from packhouse.entrypoints.gateway.openai.read import read_chat

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF").decode()
HELLO: Any = {"role": "user", "content": "Hello"}
F: Any = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
G: Any = {"type": "function", "function": {"name": "g", "parameters": None, "strict": True}}
CALL: Any = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def read(*messages: Any, **fields: Any) -> ChatRequest:
    return read_chat(json.dumps({"model": "m", "messages": messages or (HELLO,), **fields}).encode())


def parts_of(message: Any) -> tuple[Part, ...]:
    return read(message).messages[0].parts


def refusal_of(*messages: Any, **fields: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read(*messages, **fields)
    return caught.value


def test_a_plain_question() -> None:
    request = read({"role": "developer", "content": "Be brief."}, HELLO)
    assert [(message.role, message.parts) for message in request.messages] == [
        ("system", (Text("Be brief."),)),
        ("user", (Text("Hello"),)),
    ]
    assert (request.output_tokens_max, request.options, request.effort) == (None, (), "")


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "text", "text": "a"}, (Text("a"),)),
        ({"type": "image_url", "image_url": {"url": PNG}}, (Image("image/png", b"\x89PNG"),)),
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            (Image(url="https://a.example/b.png", detail="low"),),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;x=y;base64,iVBORw==", "detail": None}},
            (Image("image/png", b"\x89PNG"),),
        ),
        (
            {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
            (Document("application/pdf", b"%PDF", name="a.pdf"),),
        ),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            (Text("a"), CachePoint()),
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            (Text("a"), CachePoint("1h")),
        ),
        ({"type": "text", "text": "a", "prompt_cache_breakpoint": None, "cache_control": None}, (Text("a"),)),
    ],
)
def test_parts_of_what_a_user_says(part: Any, read_as: tuple[Part, ...]) -> None:
    assert parts_of({"role": "user", "content": [part]}) == read_as
    (result,) = parts_of({"role": "tool", "tool_call_id": "c1", "content": [part]})
    assert result == ToolResult("c1", read_as)  # pyright: ignore[reportArgumentType] - results hold all of these


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a", "refusal": None, "annotations": [], "tool_calls": None, "audio": None}, (Text("a"),)),
        ({"content": None, "refusal": "No."}, (Text("No."),)),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, (Text("No."),)),
        ({"content": None, "tool_calls": [CALL]}, (ToolUse("c1", "f", '{"a":1}'),)),
        ({"content": "a", "reasoning_content": "Hm", "tool_calls": [CALL]}, None),
        (
            {
                "content": "a",
                "reasoning_content": "HmHm",
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "Hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                    {"type": "thinking", "thinking": "Hm", "signature": None},
                ],
            },
            (Thinking("Hm", "s"), Thinking("", redacted="ZGF0YQ=="), Thinking("Hm"), Text("a")),
        ),
    ],
)
def test_what_a_model_said_goes_back_to_it(message: Any, parts: tuple[Part, ...] | None) -> None:
    expected = parts or (Thinking("Hm"), Text("a"), ToolUse("c1", "f", '{"a":1}'))
    assert parts_of({"role": "assistant", **message}) == expected


def test_blocks_of_another_dialect_go_back_as_they_came() -> None:
    block = {"type": "server_tool_use", "id": "s1", "input": {"q": "x"}}
    said = {"blocks": [{"dialect": "anthropic", "type": "server_tool_use", "block": block}], "citations": [{"a": 1}]}
    (foreign, text) = parts_of({"role": "assistant", "content": "a", "provider_specific_fields": said})
    assert isinstance(foreign, Foreign)
    assert (foreign.dialect, foreign.kind, json.loads(bytes(foreign.json))) == ("anthropic", "server_tool_use", block)
    assert text == Text("a")


def test_an_empty_result_is_one() -> None:
    assert parts_of({"role": "tool", "tool_call_id": "c1", "content": ""}) == (ToolResult("c1", ()),)


def test_tools() -> None:
    marked = {**F, "cache_control": {"type": "ephemeral"}}
    tools = read(tools=[marked, G]).tools
    first, second = tools
    assert isinstance(first, Tool)
    assert isinstance(second, Tool)
    assert (first.name, first.description, json.loads(bytes(first.parameters))) == ("f", "d", {"type": "object"})
    assert (first.cache_point, second.strict, second.parameters) == (CachePoint(), True, Tool("g").parameters)


@pytest.mark.parametrize(
    ("fields", "choice", "names"),
    [
        ({}, ToolChoice(), ["f", "g"]),
        ({"tool_choice": None, "parallel_tool_calls": None}, ToolChoice(), ["f", "g"]),
        ({"tool_choice": "auto"}, ToolChoice("auto"), ["f", "g"]),
        ({"tool_choice": "none"}, ToolChoice("none"), ["f", "g"]),
        ({"tool_choice": "required", "parallel_tool_calls": False}, ToolChoice("required", parallel=False), ["f", "g"]),
        (
            {"tool_choice": {"type": "function", "function": {"name": "g"}}},
            ToolChoice("tool", "g"),
            ["f", "g"],
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [G]}}},
            ToolChoice("required"),
            ["g"],
        ),
    ],
)
def test_every_choice_of_tools(fields: Any, choice: ToolChoice, names: list[str]) -> None:
    request = read(tools=[F, G], **fields)
    assert request.tool_choice == choice
    assert [tool.name for tool in request.tools if isinstance(tool, Tool)] == names


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"max_completion_tokens": 5}, {"output_tokens_max": 5}),
        ({"max_tokens": 6}, {"output_tokens_max": 6}),
        ({"max_completion_tokens": 5, "max_tokens": 6}, {"output_tokens_max": 5}),
        ({"max_completion_tokens": 0}, {"output_tokens_max": 0}),
        ({"temperature": 2, "top_p": 0.5, "top_k": 3}, {"temperature": 2.0, "top_p": 0.5, "top_k": 3}),
        ({"stop": "a"}, {"stop": ("a",)}),
        ({"stop": ["a", "b", "c", "d", "e"]}, {"stop": ("a", "b", "c", "d", "e")}),
        ({"seed": 7, "user": "u"}, {"seed": 7, "user": "u"}),
        ({"safety_identifier": "s"}, {"user": "s"}),
        ({"presence_penalty": 1, "frequency_penalty": -1}, {"presence_penalty": 1.0, "frequency_penalty": -1.0}),
        ({"reasoning_effort": "high"}, {"effort": "high"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"thinking": ThinkingWish("budget", 2048)}),
        ({"thinking": {"type": "disabled"}}, {"thinking": ThinkingWish("off")}),
        ({"thinking": {"type": "adaptive"}}, {"thinking": ThinkingWish("adaptive")}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"output_format": OutputFormat("json_object")}),
        ({"n": 1, "logprobs": False, "logit_bias": {}, "modalities": ["text"], "audio": None}, {}),
        (
            {
                "service_tier": "auto",
                "metadata": {"a": "b"},
                "store": True,
                "verbosity": "low",
                "prompt_cache_key": "k",
                "prompt_cache_retention": "24h",
                "prediction": {"type": "content", "content": "x"},
                "stream": True,
                "stream_options": {"include_usage": True},
            },
            {},
        ),
    ],
)
def test_fields(fields: Any, change: dict[str, Any]) -> None:
    assert read(**fields) == ChatRequest(model="m", messages=read().messages, **change)


def test_a_schema_for_the_answer() -> None:
    schema = {"name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}
    wanted = read(response_format={"type": "json_schema", "json_schema": schema}).output_format
    assert (wanted.kind, wanted.name, wanted.strict, wanted.description) == ("json_schema", "n", True, "d")
    assert json.loads(bytes(wanted.schema)) == {"type": "object"}


def test_what_this_dialects_servers_alone_know_goes_to_them() -> None:
    (option,) = read(web_search_options={"search_context_size": "low"}, min_p=None).options
    assert isinstance(option, ForeignOption)
    assert (option.dialect, option.name) == ("openai", "web_search_options")
    assert json.loads(bytes(option.json)) == {"search_context_size": "low"}


@pytest.mark.parametrize(
    ("fields", "code", "field", "said"),
    [
        ({"logprobs": True}, "unsupported", "logprobs", "log probabilities"),
        ({"top_logprobs": 3}, "unsupported", "logprobs", "log probabilities"),
        ({"logit_bias": {"1": 2}}, "unsupported", "logit_bias", "logit_bias"),
        ({"modalities": ["text", "audio"]}, "unsupported", "modalities", "Only text"),
        ({"audio": {"voice": "v", "format": "mp3"}}, "unsupported", "audio", "Only text"),
        ({"functions": [{"name": "f"}]}, "unsupported", "functions", "`tools`"),
        ({"function_call": "auto"}, "unsupported", "function_call", "`tool_choice`"),
        ({"tool_choice": "required"}, "invalid_request", "tool_choice", "no `tools`"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "unsupported", "tools[0]", "'custom'"),
        (
            {"tools": [F], "tool_choice": {"type": "custom", "custom": {"name": "c"}}},
            "unsupported",
            "tool_choice",
            "'custom'",
        ),
        (
            {"tools": [F], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "invalid_request",
            "tool_choice",
            "'x'",
        ),
        (
            {"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [G]}}},
            "invalid_request",
            "tool_choice",
            "'g'",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "invalid_request",
            "tools[0]",
            "JSON schema",
        ),
        ({"response_format": {"type": "json_schema"}}, "invalid_request", "response_format", "`json_schema`"),
        ({"temperature": 2.1}, "invalid_request", "temperature", "2.1"),
        ({"top_p": -1}, "invalid_request", "top_p", "-1"),
        ({"presence_penalty": 3}, "invalid_request", "presence_penalty", "3"),
    ],
)
def test_fields_that_are_refused(fields: Any, code: str, field: str, said: str) -> None:
    refused = refusal_of(**fields)
    assert (refused.code, refused.facts["field"]) == (code, field)
    assert said in refused.message


@pytest.mark.parametrize(
    ("message", "code", "field", "said"),
    [
        ({"role": "function", "name": "f", "content": "x"}, "unsupported", "messages[1]", "`tool`"),
        ({"role": "assistant", "function_call": {"name": "f"}}, "unsupported", "messages[1]", "`tool_calls`"),
        ({"role": "assistant", "audio": {"id": "a"}}, "unsupported", "messages[1]", "transcript"),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "n"}}]},
            "unsupported",
            "messages[1]",
            "'custom'",
        ),
        ({"role": "assistant", "thinking_blocks": [{"type": "odd"}]}, "unsupported", "messages[1]", "'odd'"),
        ({"role": "tool", "content": "x"}, "invalid_request", "messages[1]", "tool_call_id"),
        ({"role": "user", "content": ""}, "invalid_request", "messages[1]", "empty"),
        ({"role": "user", "content": " \n"}, "invalid_request", "messages[1]", "empty"),
        ({"role": "user", "content": []}, "invalid_request", "messages[1]", "empty"),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "eA==", "format": "mp3"}}]},
            "unsupported",
            "messages[1].content[0]",
            "Audio",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
            "unsupported",
            "messages[1].content[0]",
            "file_data",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "eA=="}}]},
            "invalid_request",
            "messages[1].content[0]",
            "data URL",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%"}}]},
            "invalid_request",
            "messages[1].content[0]",
            "data URL",
        ),
    ],
)
def test_messages_that_are_refused(message: Any, code: str, field: str, said: str) -> None:
    refused = refusal_of(HELLO, message)
    assert (refused.code, str(refused.facts["field"]).startswith(field)) == (code, True)
    assert said in refused.message


@pytest.mark.parametrize(
    ("fields", "field"), [({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"top_logprobs": 1}, "logprobs")]
)
def test_what_no_answer_has_is_refused_of_a_body_that_travels_on_too(fields: Any, field: str) -> None:
    with pytest.raises(Refused) as caught:
        decode_envelope(json.dumps({"messages": [HELLO], **fields}).encode())
    assert (caught.value.code, caught.value.facts["field"]) == ("unsupported", field)


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, {"max_tokens": 9}),
        ({"max_tokens": 5}, {"max_tokens": 9}),
        ({"max_completion_tokens": 5, "max_tokens": 50}, {"max_completion_tokens": 9}),
        ({"packhouse": {"knowledge": []}}, {"max_tokens": 9}),
        ({"stream": True}, {"stream": True, "max_tokens": 9, "stream_options": {"include_usage": True}}),
        (
            {"stream": True, "stream_options": {"include_usage": False, "include_obfuscation": False}},
            {
                "stream": True,
                "max_tokens": 9,
                "stream_options": {"include_usage": True, "include_obfuscation": False},
            },
        ),
        (
            {"stream": True, "stream_options": None},
            {"stream": True, "max_tokens": 9, "stream_options": {"include_usage": True}},
        ),
    ],
)
def test_a_relayed_body_is_changed_only_where_it_must_be(fields: Any, sent: Any) -> None:
    body = json.dumps({"model": "default", "messages": [HELLO], "x": [1.5], **fields}).encode()
    relayed = RelayBody(body, decode_envelope(body))
    patched = json.loads(relayed.patched(model="m", output_tokens=9))
    assert patched == {"model": "m", "messages": [HELLO], "x": [1.5], **sent}
