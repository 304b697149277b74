"""Anthropic's simulator, called by the `anthropic` client, its Bedrock client too."""

from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import httpx
import pytest

from packhouse.simulators import Citation, Credentials, Rule, Simulator, ToolCall, Usage, simulator
from tests.simulators.clients import anthropic_bedrock_client, anthropic_client

pytestmark = pytest.mark.anyio

MODEL = "claude-sonnet-4-6"
USER: Any = [{"role": "user", "content": "Hello there"}]
TOOL: Any = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
RICH = Rule(
    thinking="Let me see.",
    signature="c2ln",
    redacted_thinking="cmVk",
    text="Five years.",
    citations=(Citation(text="five years", title="handbook", start=3, end=13),),
    tool_calls=(ToolCall("weather", {"city": "Bonn"}), ToolCall("weather", {})),
    usage=Usage(input=100, output=50, cache_read=7, cache_write=3),
)


@pytest.fixture
async def sim() -> AsyncGenerator[Simulator]:
    async with simulator("anthropic") as running:
        yield running


@pytest.fixture
async def client(sim: Simulator) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    async with anthropic_client(sim) as made:
        yield made


async def test_the_last_turn_comes_back(client: anthropic.AsyncAnthropic, sim: Simulator) -> None:
    message = await client.messages.create(model=MODEL, max_tokens=99, messages=USER)
    assert [block.type for block in message.content] == ["text"]
    assert message.content[0].text == "Hello there"  # type: ignore[union-attr]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 15, 3)
    assert sim.seen.usage == Usage(input=15, output=3)
    counted = await client.messages.count_tokens(model=MODEL, messages=USER)
    assert counted.input_tokens == 15


@pytest.mark.parametrize("rule", [Rule(), RICH, Rule(text=""), Rule(text="x " * 5_000, pieces=1_000)])
async def test_a_stream_says_the_same_as_the_whole(rule: Rule) -> None:
    async with simulator("anthropic", [rule]) as sim, anthropic_client(sim) as client:
        whole = await client.messages.create(model=MODEL, max_tokens=9_999, messages=USER)
        async with client.messages.stream(model=MODEL, max_tokens=9_999, messages=USER) as stream:
            streamed = await stream.get_final_message()
    assert [_content(it) for it in streamed.content] == [_content(it) for it in whole.content]
    assert streamed.stop_reason == whole.stop_reason
    counts = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    assert [getattr(streamed.usage, it) for it in counts] == [getattr(whole.usage, it) for it in counts]


def _content(block: Any) -> dict[str, Any]:
    """Without ids, which are new each time, and what the client adds."""
    said = block.model_dump(exclude_none=True)
    return {name: value for name, value in said.items() if name not in ("id", "parsed_output")}


async def test_what_a_rule_says_is_all_there() -> None:
    async with simulator("anthropic", [RICH]) as sim, anthropic_client(sim) as client:
        message = await client.messages.create(model=MODEL, max_tokens=99, messages=USER)
    assert [it.type for it in message.content] == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert message.stop_reason == "tool_use"
    assert message.content[3].input == {"city": "Bonn"}  # type: ignore[union-attr]
    assert (message.usage.cache_read_input_tokens, message.usage.cache_creation_input_tokens) == (7, 3)


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
async def test_a_forced_tool_is_called(client: anthropic.AsyncAnthropic, choice: Any) -> None:
    message = await client.messages.create(model=MODEL, max_tokens=99, messages=USER, tools=[TOOL], tool_choice=choice)
    (block,) = message.content
    assert block.type == "tool_use"
    assert block.input == {"city": "Hello there"}
    history: Any = [*USER, {"role": "assistant", "content": message.content}]
    result: Any = {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": "22 degrees"}]}
    answered: Any = [*history, {"role": "user", "content": [result]}]
    after = await client.messages.create(model=MODEL, max_tokens=99, messages=answered, tools=[TOOL])
    assert after.content[0].text == "22 degrees"  # type: ignore[union-attr]
    with pytest.raises(anthropic.BadRequestError, match="without `tool_result` blocks immediately after"):
        await client.messages.create(model=MODEL, max_tokens=99, messages=history + USER, tools=[TOOL])


async def test_limits_stop_sequences_and_schemas(client: anthropic.AsyncAnthropic) -> None:
    cut = await client.messages.create(model=MODEL, max_tokens=2, messages=USER)
    assert (cut.content[0].text, cut.stop_reason) == ("Hello th", "max_tokens")  # type: ignore[union-attr]
    stopped = await client.messages.create(model=MODEL, max_tokens=99, messages=USER, stop_sequences=[" "])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", " ")
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}
    form: Any = {"format": {"type": "json_schema", "schema": schema}}
    formed = await client.messages.create(model=MODEL, max_tokens=99, messages=USER, output_config=form)
    assert formed.content[0].text == '{"a":"x"}'  # type: ignore[union-attr]


async def test_what_was_cached_is_read_the_second_time(client: anthropic.AsyncAnthropic) -> None:
    system: Any = [{"type": "text", "text": "word " * 400, "cache_control": {"type": "ephemeral"}}]
    first = await client.messages.create(model=MODEL, max_tokens=9, messages=USER, system=system)
    second = await client.messages.create(model=MODEL, max_tokens=9, messages=USER, system=system)
    assert first.usage.cache_creation_input_tokens == second.usage.cache_read_input_tokens == 508
    assert second.usage.input_tokens == 7


async def test_models(client: anthropic.AsyncAnthropic) -> None:
    names = [model.id async for model in client.models.list()]
    assert MODEL in names
    assert (await client.models.retrieve(MODEL)).id == MODEL
    with pytest.raises(anthropic.NotFoundError, match="claude-does-not-exist"):
        await client.messages.create(model="claude-does-not-exist", max_tokens=9, messages=USER)


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
async def test_both_headers_and_versions(sim: Simulator, *, header: str, version: str) -> None:
    key = sim.credentials.key if header == "x-api-key" else f"Bearer {sim.credentials.key}"
    headers = {header: key, "anthropic-version": version}
    body = {"model": MODEL, "max_tokens": 9, "messages": USER}
    async with httpx.AsyncClient(base_url=sim.url, headers=headers) as http:
        assert (await http.post("/v1/messages", json=body)).status_code == 200
        warm = await http.post("/v1/messages", json={**body, "temperature": 1.0})
        strange = await http.post("/v1/messages", json={**body, "seed": 1})
        wrong = await http.post("/v1/messages", json=body, headers={header: f"{key}x"})
    assert warm.status_code == (400 if version == "2026-10-21" else 200)
    assert (strange.status_code, strange.json()["error"]["type"]) == (400, "invalid_request_error")
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "authentication_error")
    assert wrong.headers["request-id"] == wrong.json()["request_id"]


BEDROCK_MODEL = "eu.anthropic.claude-sonnet-5-5"
OLDER_MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize("bearer", [False, True])
async def test_its_bedrock_client(bearer: bool) -> None:
    more = {"api_key": "ABSK-x"} if bearer else {}
    async with (
        simulator("bedrock", [RICH], credentials=Credentials(key="ABSK-x")) as sim,
        anthropic_bedrock_client(sim, **more) as client,
    ):
        whole = await client.messages.create(model=BEDROCK_MODEL, max_tokens=99, messages=USER)
        stream = await client.messages.create(model=BEDROCK_MODEL, max_tokens=99, messages=USER, stream=True)
        types = [event.type async for event in stream]
        with pytest.raises(anthropic.BadRequestError, match="not supported for this model"):
            await client.messages.create(model=OLDER_MODEL, max_tokens=99, messages=USER)
    assert [it.type for it in whole.content] == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert (types[0], types[-1], types.count("content_block_stop")) == ("message_start", "message_stop", 5)
    assert f"/model/{BEDROCK_MODEL}/invoke-with-response-stream" in sim.seen.paths
