"""Bodies in Anthropic's dialect: whatever is sent, it is read or refused in words, and what is read is all of it."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.bedrock.request import converse_body
from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatRequest, ForeignOption, Tool, ToolChoice
from packhouse.domain.chat_part import CachePoint, Document, Foreign, SearchResult, Text, Thinking, ToolResult, ToolUse
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.anthropic.body import RelayBody, decode_envelope
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from tests.support.anthropic_recordings import recorded

_FIELDS = [
    "anthropic_version", "cache_control", "caller", "citations", "content", "context", "data", "description",
    "effort", "enabled", "file_id", "format", "id", "input", "input_schema", "is_error", "max_tokens", "max_uses",
    "mcp_servers", "media_type", "messages", "metadata", "model", "name", "output_config", "packhouse", "role",
    "schema", "signature", "source", "stop_sequences", "stream", "system", "temperature", "text", "thinking", "title",
    "tool_choice", "tool_use_id", "tools", "top_k", "ttl", "type", "url", "user_id",
]  # fmt: skip
_WORDS = [
    "any", "assistant", "auto", "base64", "char_location", "content", "custom", "document", "enabled", "ephemeral",
    "file", "image", "json_schema", "redacted_thinking", "search_result", "system", "text", "thinking", "tool",
    "tool_result", "tool_use", "url", "user", "web_search_20250305",
]  # fmt: skip
_leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(_WORDS))
_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=5),
    max_leaves=20,
)
_blocks = st.dictionaries(st.sampled_from(_FIELDS), _values, max_size=6)
_messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]) | _leaves},
    optional={"content": st.lists(_blocks, max_size=3) | _values},
)
_bodies = st.fixed_dictionaries(
    {"messages": st.lists(_messages, max_size=3) | _values, "max_tokens": st.integers(1, 99) | _leaves},
    optional={
        name: st.lists(_blocks, max_size=2) | _values
        for name in ("system", "tools", "tool_choice", "thinking", "output_config", "metadata", "cache_control", "x")
    },
)


def asked(**fields: Any) -> ChatRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    return read_messages(json.dumps(body | fields).encode())


def said(*blocks: Any) -> tuple[Any, ...]:
    return asked(messages=[{"role": "user", "content": list(blocks)}]).messages[0].parts


@given(_bodies)
def test_whatever_is_sent_is_read_or_refused(body: Any) -> None:
    data = encoded(body)
    assert code_of(read_messages, data) in {"", "invalid_request", "malformed_json", "unsupported"}


@given(_bodies)
def test_whatever_is_relayed_is_held_and_patched_or_refused(body: Any) -> None:
    data = encoded(body)
    code = code_of(decode_envelope, data)
    assert code in {"", "invalid_request", "malformed_json"}
    if not code:
        relayed = RelayBody(data, decode_envelope(data), headers={})
        assert relayed.input_tokens >= len(data) or b'"image"' in data or b'"document"' in data
        assert json.loads(relayed.patched(model="n", output_tokens=3))["max_tokens"] == 3


def code_of(read: Callable[[bytes], object], data: bytes) -> str:
    """What it is refused with; empty: it is read."""
    try:
        read(data)
    except Refused as refused:
        return refused.code
    return ""


def encoded(body: Any) -> bytes:
    """Numbers that JSON has not are null."""
    return msgspec.json.encode(body)


@given(st.binary(max_size=60))
def test_whatever_bytes_are_sent_are_refused(data: bytes) -> None:
    for read in (read_messages, decode_envelope):
        with pytest.raises(Refused):
            read(data)


@pytest.mark.needs("recordings")
@pytest.mark.parametrize("provider", ["bedrock", "openai"])
def test_every_recorded_request_is_put_to_other_providers_or_refused_by_name(provider: str) -> None:
    said = Counter[str]()
    for streamed in (False, True):
        for exchange in recorded("/v1/messages", streamed=streamed):
            request = read_messages(json.dumps(exchange["request"]).encode())
            try:
                if provider == "bedrock":
                    converse_body(msgspec.structs.replace(request, model="eu.anthropic.claude-sonnet-4-6"))
                else:
                    chat_body(request, stream=False, ways=Ways())
            except Refused as refused:
                said[f"{refused.code}: {refused.message}"] += 1
            else:
                said["put"] += 1
    assert said.total() == 195
    assert said.pop("put") >= 100
    for message in said:
        assert message.startswith("unsupported: ")
        assert "'" in message or "by value" in message, "it names what is not taken"


# by hand


def test_what_is_left_out_is_not_invented() -> None:
    request = asked()
    assert request == ChatRequest(model="m", messages=request.messages, output_tokens_max=9)
    assert read_messages(b'{"messages":[{"role":"user","content":"x"}]}').model == "default"


def test_null_says_nothing() -> None:
    nothing = ("system", "tools", "tool_choice", "thinking", "output_config", "metadata", "cache_control", "container")
    assert asked(**dict.fromkeys(nothing)) == asked()
    assert (
        asked(**dict.fromkeys(("stop_sequences", "temperature", "top_p", "top_k", "stream", "service_tier"))) == asked()
    )


@pytest.mark.parametrize(
    "field", ["service_tier", "inference_geo", "speed", "stream", "betas", "packhouse", "diagnostics"]
)
def test_what_changes_nothing_of_an_answer_is_passed_over(field: str) -> None:
    assert asked(**{field: "x"}).options == () if field != "stream" else asked(stream=True).options == ()


def test_what_only_this_dialect_knows_is_kept_whole() -> None:
    request = asked(container="c", output_config={"effort": "low", "task_budget": {"total": 9}}, new_field=[1])
    assert [(option.dialect, option.name, json.loads(bytes(option.json))) for option in request.options] == [
        ("anthropic", "container", "c"),
        ("anthropic", "new_field", [1]),
        ("anthropic", "output_config", {"task_budget": {"total": 9}}),
    ]
    assert request.effort == "low"


def test_betas_of_the_head() -> None:
    body = b'{"messages":[{"role":"user","content":"x"}]}'
    assert read_messages(body, betas=" a, b ,,").options == (
        ForeignOption("anthropic", "anthropic_beta", msgspec.Raw(b'["a","b"]')),
    )
    assert read_messages(body, betas=" , ").options == ()


def test_tools_and_the_choice_between_them() -> None:
    schema = {"type": "object", "properties": {}}
    own = {"type": "web_search_20250305", "name": "web_search"}
    deferred = {"name": "d", "input_schema": schema, "defer_loading": True}
    request = asked(
        tools=[
            {"name": "f", "description": "d", "input_schema": schema, "strict": True},
            {
                "type": "custom",
                "name": "g",
                "input_schema": schema,
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            own,
            deferred,
        ],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    )
    first, second, third, fourth = request.tools
    assert isinstance(first, Tool)
    assert (first.name, first.description, json.loads(bytes(first.parameters)), first.strict) == (
        "f",
        "d",
        schema,
        True,
    )
    assert isinstance(second, Tool)
    assert second.cache_point == CachePoint("1h")
    assert isinstance(third, Foreign)
    assert (third.kind, json.loads(bytes(third.json))) == ("web_search_20250305", own)
    assert isinstance(fourth, Foreign)
    assert (fourth.kind, json.loads(bytes(fourth.json))) == ("custom with defer_loading", deferred)
    assert request.tool_choice == ToolChoice("required", parallel=False)


def test_documents_of_every_source() -> None:
    sources = [
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
        {"type": "text", "media_type": "text/plain", "data": "é"},
        {"type": "url", "url": "https://x.test/a.pdf"},
        {"type": "content", "content": "all"},
        {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]
    assert said(*({"type": "document", "source": source} for source in sources)) == (
        Document("application/pdf", b"%PDF"),
        Document("text/plain", "é".encode()),
        Document(url="https://x.test/a.pdf"),
        Document(blocks=("all",)),
        Document(blocks=("a", "b")),
    )
    (cited,) = said(
        {"type": "document", "source": sources[3], "title": "t", "context": "c", "citations": {"enabled": True}}
    )
    assert (cited.name, cited.context, cited.citable) == ("t", "c", True)


def test_what_a_tool_answered_with() -> None:
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}
    reference = {"type": "tool_reference", "tool_name": "f"}
    results = said(
        {"type": "tool_result", "tool_use_id": "1", "content": "words"},
        {"type": "tool_result", "tool_use_id": "2"},
        {"type": "tool_result", "tool_use_id": "3", "content": [found, reference], "is_error": True},
    )
    raw = msgspec.Raw(json.dumps(reference).encode())
    assert results == (
        ToolResult("1", (Text("words"),)),
        ToolResult("2", ()),
        ToolResult("3", (SearchResult("s", "t", ("x",)), Foreign("anthropic", "tool_reference", raw)), True),
    )


def test_thoughts_and_calls() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    assert said(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "hm"},
        {"type": "redacted_thinking", "data": "x"},
        use,
        use | {"caller": {"type": "direct"}},
    ) == (
        Thinking("hm", "s"),
        Thinking("hm"),
        Thinking("", redacted="x"),
        ToolUse("t", "f", '{"a": 1}'),
        ToolUse("t", "f", '{"a": 1}'),
    )


@pytest.mark.parametrize(
    "more", [{"caller": {"type": "code_execution_20260120", "tool_id": "s"}}, {"toolset_name": "browser"}]
)
def test_calls_that_are_not_the_models_alone_are_kept_whole(more: Any) -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}, **more}
    (part,) = said(use)
    assert isinstance(part, Foreign)
    assert (part.kind, json.loads(bytes(part.json))) == ("tool_use", use)


def test_a_mark_for_the_cache_stands_behind_its_block() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    assert said({"type": "text", "text": "a", **mark}, {"type": "text", "text": "b"}) == (
        Text("a"),
        CachePoint(),
        Text("b"),
    )
    assert asked(cache_control={"type": "ephemeral", "ttl": "5m"}).cache_point == CachePoint("5m")
