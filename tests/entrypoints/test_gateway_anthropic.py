"""The unmodified `anthropic` client through the gateway, to each provider that may stand behind it."""

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from packhouse.simulators import Citation, Provider, Rule, ToolCall, Usage
from tests.support.anthropic_gateway import MODELS, Behind, behind

pytestmark = pytest.mark.anyio

USAGE = Usage(input=30, output=7, cache_read=20, cache_write=10)
SIGNATURE = base64.b64encode(b"signed").decode()
RULES = (
    Rule(when="tell", text="one two three four", pieces=4, usage=USAGE),
    Rule(when="call", thinking="Hm, a tool.", signature=SIGNATURE, text="I look.", stop="tool_use",
         tool_calls=(ToolCall("look_up", {"q": "pipe"}), ToolCall("look_up", {}))),
    Rule(when="found", text="It is long."),
    Rule(when="cite", text="The sky is blue.", citations=(Citation(text="blue", title="D", start=3, end=7),)),
)  # fmt: skip
TOOLS: Any = [
    {
        "name": "look_up",
        "description": "Looks up.",
        "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}},
    }
]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type /Page>>endobj\n%%EOF").decode()
CACHED: Any = {"cache_control": {"type": "ephemeral"}}


@pytest.fixture(params=sorted(MODELS))
async def to(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Behind]:
    """A gateway to each kind of provider."""
    async with behind(tmp_path, request.param, *RULES) as running:
        yield running


@pytest.fixture(params=["anthropic", "bedrock"])
async def to_claude(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Behind]:
    """A gateway to each kind of provider that has Claude."""
    async with behind(tmp_path, request.param, *RULES) as running:
        yield running


def asked(content: Any, **more: Any) -> Any:
    return {"model": "default", "max_tokens": 2_000, "messages": [{"role": "user", "content": content}], **more}


def provider_of(running: Behind) -> Provider:
    return running.sim.name


async def test_an_answer_is_told_with_its_tokens_and_booked_to_the_token(to: Behind) -> None:
    answer = await to.client.messages.create(**asked("tell"))
    assert [block.model_dump(exclude_none=True) for block in answer.content] == [
        {"type": "text", "text": "one two three four"}
    ]
    assert (answer.stop_reason, answer.stop_sequence, answer.role, answer.type) == (
        "end_turn", None, "assistant", "message",
    )  # fmt: skip
    assert answer.id.startswith("msg_")
    usage = answer.usage
    told = (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens)
    booked = await to.booked()
    assert booked == [(*told, "reported", "ok")]
    expected = (40, 7, 20, 0) if provider_of(to) == "openai" else (30, 7, 20, 10)  # OpenAI's servers tell no writing
    assert told == expected
    assert to.gate.held() == 0


async def test_a_stream_is_put_together_by_the_clients_own_helper(to: Behind) -> None:
    async with to.client.messages.stream(**asked("tell")) as stream:
        texts = [text async for text in stream.text_stream]
        answer = await stream.get_final_message()
    assert len(texts) == 4
    assert "".join(texts) == "one two three four"
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 7)
    assert answer.usage.input_tokens == (40 if provider_of(to) == "openai" else 30)
    ((_, output, cache_read, _, source, outcome),) = await to.booked()
    assert (output, cache_read, source, outcome) == (7, 20, "reported", "ok")


async def test_without_a_rule_all_that_is_counted_is_booked(to: Behind) -> None:
    for stream in (False, True):
        await to.http.post("/v1/messages", json=asked("Good evening, harbour", stream=stream))
    await to.check_booked()


async def test_where_the_answer_came_from_stands_in_its_head(to: Behind) -> None:
    for more in ({}, {"stream": True}):
        answer = await to.client.messages.with_raw_response.create(**asked("tell"), **more)
        headers = answer.headers
        assert headers["request-id"] == headers["x-request-id"]
        assert headers["x-packhouse-model"] == MODELS[provider_of(to)]
        assert headers["x-packhouse-region"] == "eu-central-1"
        assert headers["x-packhouse-quota-left"].startswith("input=")
        assert float(headers["x-packhouse-overhead-ms"]) >= 0
    created = await to.client.messages.create(**asked("tell"))
    assert created._request_id


async def test_a_loop_of_tools(to: Behind) -> None:
    first = await to.client.messages.create(**asked("call", tools=TOOLS))
    assert first.stop_reason == "tool_use"
    uses = [block for block in first.content if block.type == "tool_use"]
    assert [(use.name, use.input) for use in uses] == [("look_up", {"q": "pipe"}), ("look_up", {})]
    results = [
        {"type": "tool_result", "tool_use_id": uses[0].id, "content": "found: a pipe"},
        {
            "type": "tool_result",
            "tool_use_id": uses[1].id,
            "content": [{"type": "text", "text": "no"}],
            "is_error": True,
        },
    ]
    messages = [
        {"role": "user", "content": "call"},
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
        {"role": "user", "content": results},
    ]
    second = await to.client.messages.create(**asked("", tools=TOOLS) | {"messages": messages})
    assert [block.text for block in second.content if block.type == "text"] == ["It is long."]
    told = json.dumps(to.asked)
    assert uses[0].id in told
    assert "found: a pipe" in told
    await to.check_booked()


async def test_what_a_model_thought_goes_back_with_its_signature(to_claude: Behind) -> None:
    async with to_claude.client.messages.stream(
        **asked("call", tools=TOOLS, thinking={"type": "enabled", "budget_tokens": 1_024})
    ) as stream:
        first = await stream.get_final_message()
    (thought,) = (block for block in first.content if block.type == "thinking")
    assert (thought.thinking, thought.signature) == ("Hm, a tool.", SIGNATURE)
    assert [block.input for block in first.content if block.type == "tool_use"] == [{"q": "pipe"}, {}]
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "found"}
        for block in first.content
        if block.type == "tool_use"
    ]
    history = [block.model_dump(exclude_none=True) for block in first.content]
    messages = [{"role": "user", "content": "call"}, {"role": "assistant", "content": history}]
    await to_claude.client.messages.create(
        **asked("", tools=TOOLS) | {"messages": [*messages, {"role": "user", "content": results}]}
    )
    (block, *_) = to_claude.asked["messages"][1]["content"]
    if provider_of(to_claude) == "anthropic":
        assert (block["thinking"], block["signature"]) == ("Hm, a tool.", SIGNATURE)
    else:
        assert block["reasoningContent"] == {"reasoningText": {"text": "Hm, a tool.", "signature": SIGNATURE}}


async def test_a_thought_without_a_signature_is_another_models(to: Behind) -> None:
    """Claude would refuse the whole request for it. To Anthropic the caller's own body travels as it is."""
    thought = [{"type": "thinking", "thinking": "secret plan", "signature": ""}, {"type": "text", "text": "Yes."}]
    messages = [
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": thought},
        {"role": "user", "content": "tell"},
    ]
    await to.client.messages.create(**asked("") | {"messages": messages})
    assert ("secret plan" in json.dumps(to.asked)) is (provider_of(to) == "anthropic")


async def test_images_and_documents_reach_the_model(to: Behind) -> None:
    await to.client.messages.create(
        **asked(
            [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                    "title": "paper",
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain words"}},
                {"type": "text", "text": "tell"},
            ]
        )
    )
    told = json.dumps(to.asked)
    assert PNG in told
    assert PDF in told
    assert "plain words" in told or base64.b64encode(b"plain words").decode() in told


async def test_images_by_url_go_where_they_are_taken(to: Behind) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://images.test/a.png"}}
    answer = await to.http.post("/v1/messages", json=asked([image, {"type": "text", "text": "tell"}]))
    if provider_of(to) == "bedrock":
        assert answer.status_code == 400
        assert "by value" in answer.json()["error"]["message"]
    else:
        assert answer.status_code == 200
        assert "https://images.test/a.png" in json.dumps(to.asked)


async def test_system_blocks_and_marks_for_the_cache_reach_the_model(to: Behind) -> None:
    system = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind.", **CACHED}]
    tools = [{**TOOLS[0], **CACHED}]
    content = [{"type": "text", "text": "tell", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    await to.client.messages.create(**asked(content, system=system, tools=tools))
    told = to.asked
    match provider_of(to):
        case "anthropic":
            assert (told["system"], told["tools"], told["messages"][0]["content"]) == (system, tools, content)
        case "bedrock":
            point = {"cachePoint": {"type": "default"}}
            assert told["system"] == [{"text": "Be brief."}, {"text": "Be kind."}, point]
            assert told["toolConfig"]["tools"][1] == point
            assert told["messages"][0]["content"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
        case _:
            first = told["messages"][0]
            assert first["role"] == "system"
            assert "Be kind." in json.dumps(first)
            assert "cache_control" not in json.dumps(told)


async def test_what_is_read_from_a_cache_is_told_and_booked(to_claude: Behind) -> None:
    long = [{"type": "text", "text": "word " * 400, **CACHED}, {"type": "text", "text": "Well?"}]
    written = (await to_claude.client.messages.create(**asked(long))).usage
    read = (await to_claude.client.messages.create(**asked(long))).usage
    assert written.cache_creation_input_tokens
    assert (read.cache_read_input_tokens, read.cache_creation_input_tokens) == (written.cache_creation_input_tokens, 0)
    await to_claude.check_booked()


async def test_which_sequence_stopped_it(to: Behind) -> None:
    body = asked("one END two", stop_sequences=["STOP", "END"])
    whole = await to.client.messages.create(**body)
    async with to.client.messages.stream(**body) as stream:
        streamed = await stream.get_final_message()
    for answer in (whole, streamed):
        assert answer.content[0].type == "text"
        assert answer.content[0].text.strip() == "one"
        assert answer.stop_reason == ("end_turn" if provider_of(to) == "openai" else "stop_sequence")
        assert answer.stop_sequence == (None if provider_of(to) == "openai" else "END")
    if provider_of(to) == "bedrock":
        assert to.asked["additionalModelResponseFieldPaths"] == ["/stop_sequence"]


async def test_the_cap_is_told_where_it_cut(to: Behind) -> None:
    answer = await to.client.messages.create(**asked("many words " * 50) | {"max_tokens": 20})
    assert answer.stop_reason == "max_tokens"


async def test_citations(to_claude: Behind) -> None:
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "is blue"},
        "citations": {"enabled": True},
    }
    body = asked([document, {"type": "text", "text": "cite"}])
    whole = await to_claude.client.messages.create(**body)
    async with to_claude.client.messages.stream(**body) as stream:
        streamed = await stream.get_final_message()
    for answer in (whole, streamed):
        (block,) = answer.content
        assert block.type == "text"
        assert block.text == "The sky is blue."
        (cited,) = block.citations
        assert cited.type == "char_location"
        assert (cited.cited_text, cited.document_title, cited.start_char_index, cited.end_char_index) == (
            "blue", "D", 3, 7,
        )  # fmt: skip


async def test_tokens_are_counted_before_a_call_where_the_provider_counts(to: Behind) -> None:
    system, messages = "Be brief.", asked("Hello there")["messages"]
    if provider_of(to) == "openai":
        answer = await to.http.post("/v1/messages/count_tokens", json={"model": "default", "messages": messages})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "unsupported"
        return
    counted = await to.client.messages.count_tokens(model="default", messages=messages, system=system)
    answer = await to.client.messages.create(**asked("Hello there", system=system))
    assert counted.input_tokens == answer.usage.input_tokens > 0
    assert len(await to.booked()) == 1, "counting costs nothing"


async def test_what_the_system_says_amid_is_heard_by_every_provider(to: Behind) -> None:
    messages = [
        {"role": "user", "content": "Well?"},
        {"role": "system", "content": "Speak French."},
        {"role": "assistant", "content": "Oui."},
        {"role": "user", "content": "tell"},
    ]
    await to.client.messages.create(**asked("") | {"messages": messages})
    told = to.asked
    if provider_of(to) == "bedrock":
        assert told["system"] == [{"text": "Speak French."}]
        assert [message["role"] for message in told["messages"]] == ["user", "assistant", "user"]
    else:
        assert [message["role"] for message in told["messages"]] == ["user", "system", "assistant", "user"]


async def test_an_answer_in_a_form_that_was_asked_for(to: Behind) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    answer = await to.client.messages.create(
        **asked("Paris", output_config={"format": {"type": "json_schema", "schema": schema}})
    )
    assert answer.content[0].type == "text"
    assert json.loads(answer.content[0].text).keys() == {"city"}


@pytest.mark.parametrize(
    ("choice", "called"),
    [({"type": "any"}, True), ({"type": "tool", "name": "look_up"}, True), ({"type": "none"}, False)],
)
async def test_the_choice_between_tools(to: Behind, choice: Any, *, called: bool) -> None:
    answer = await to.client.messages.create(**asked("Hello", tools=TOOLS, tool_choice=choice))
    assert any(block.type == "tool_use" for block in answer.content) is called
