"""The other ways in which Anthropic's client is used: its beta side, its own loop of tools, forms, the older calls."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from anthropic import beta_async_tool
from pydantic import BaseModel

from packhouse.simulators import Rule, ToolCall
from tests.support.anthropic_gateway import MODELS, Behind, behind

pytestmark = pytest.mark.anyio

RULES = (
    Rule(when="long?", text="I look.", tool_calls=(ToolCall("length_of", {"thing": "pipe"}),), stop="tool_use"),
    Rule(when="7 metres", text="Seven metres."),
)
ASKED: Any = {"model": "default", "max_tokens": 500}


class City(BaseModel):
    name: str


@pytest.fixture(params=sorted(MODELS))
async def to(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Behind]:
    async with behind(tmp_path, request.param, *RULES) as running:
        yield running


def question(text: str) -> Any:
    return [{"role": "user", "content": text}]


@beta_async_tool
async def length_of(thing: str) -> str:
    """How long a thing is."""
    return f"The {thing} is 7 metres long."


@pytest.mark.parametrize("stream", [False, True])
async def test_the_clients_own_loop_of_tools(to: Behind, *, stream: bool) -> None:
    """It asks for a conversation that the provider holds, and goes on without."""
    runner = to.client.beta.messages.tool_runner(
        **ASKED, tools=[length_of], messages=question("How long?"), stream=stream
    )
    last = await runner.until_done()
    assert [block.text for block in last.content if block.type == "text"] == ["Seven metres."]
    assert len(to.calls) == 2
    await to.check_booked()


async def test_the_beta_side_with_its_betas(to: Behind) -> None:
    body = {**ASKED, "messages": question("Hello"), "betas": ["interleaved-thinking-2025-05-14"]}
    answer = await to.client.beta.messages.create(**body)
    async with to.client.beta.messages.stream(**body) as stream:
        streamed = await stream.get_final_message()
    for each in (answer, streamed):
        assert each.content[0].text == "Hello"
    assert json.dumps(to.asked).count("betas") == 0


async def test_a_form_that_the_client_makes_of_a_class(to: Behind) -> None:
    parsed = await to.client.messages.parse(**ASKED, messages=question("Paris"), output_format=City)
    assert isinstance(parsed.parsed_output, City)


async def test_events_as_they_come(to: Behind) -> None:
    stream = await to.client.messages.create(**ASKED, messages=question("one two three"), stream=True)
    kinds = [event.type async for event in stream]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("content_block_delta") >= 3


async def test_sampling_is_taken_from_clients_that_still_send_it(to: Behind) -> None:
    """Newer ones have no such arguments; their version of the API refuses them."""
    body = {**ASKED, "messages": question("Hello"), "temperature": 0.25, "top_p": 0.5}
    answer = await to.http.post("/v1/messages", json=body)
    assert answer.status_code == 200
    told = to.asked.get("inferenceConfig", to.asked)
    assert told["temperature"] == 0.25
    assert told.get("top_p", told.get("topP")) == 0.5


async def test_who_asked_is_told_to_those_who_want_it(to: Behind) -> None:
    await to.client.messages.create(**ASKED, messages=question("Hello"), metadata={"user_id": "u-1"})
    told = {"anthropic": {"metadata": {"user_id": "u-1"}}, "bedrock": {}, "openai": {"user": "u-1"}}[to.sim.name]
    assert {name: value for name, value in to.asked.items() if name in {"metadata", "user", "requestMetadata"}} == told


async def test_an_answer_that_was_begun_for_the_model_goes_on(to: Behind) -> None:
    messages = [*question("Hello"), {"role": "assistant", "content": "Well"}]
    answer = await to.client.messages.create(**ASKED, messages=messages)
    assert answer.content[0].text == "Well"
    last = to.asked["messages"][-1]
    assert last["role"] == "assistant"


async def test_effort_and_thought_reach_who_has_them(to: Behind) -> None:
    body = {**ASKED, "messages": question("Hello"), "output_config": {"effort": "high"}}
    await to.client.messages.create(**body)
    told = json.dumps(to.asked)
    assert '"high"' in told
    adaptive = await to.http.post("/v1/messages", json={**body, "thinking": {"type": "adaptive"}})
    assert adaptive.status_code == 200, adaptive.text
    assert ("adaptive" in json.dumps(to.asked)) is (to.sim.name != "openai")
