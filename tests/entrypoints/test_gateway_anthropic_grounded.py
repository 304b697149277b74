"""Knowledge bases in Anthropic's dialect: looking up is the model's own affair, the answer says what it stands on."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest

from packhouse.services.look_ups import LOOK_UP
from packhouse.simulators import Provider, Rule, Simulator, ToolCall, Usage, simulator
from tests.support.gateway import Gateway, PackModels, gateway

pytestmark = [pytest.mark.anyio, pytest.mark.needs("embeddings")]

SIGNATURE = base64.b64encode(b"signature").decode()
LOOKS_UP = ToolCall(name=LOOK_UP, arguments={"query": "buoy seven"})
USAGE = Usage(input=20, output=5)
RULES = (
    Rule(when="Buoy seven is green", text="It is green.", usage=USAGE),
    Rule(when="mine as well", text="", tool_calls=(LOOKS_UP, ToolCall(name="mine")), usage=USAGE),
    Rule(when="colour", text="I look.", thinking="Hm.", signature=SIGNATURE, tool_calls=(LOOKS_UP,), usage=USAGE),
)
CHUNK = {"id": "buoy-7", "text": "Buoy seven is green.", "metadata": {"sourceUrl": "https://b.example"}}
MODELS: dict[Provider, str] = {"anthropic": "claude-sonnet-4-6", "bedrock": "claude-sonnet-4-6"}
MINE: Any = {"name": "mine", "input_schema": {"type": "object"}}
GROUNDED: Any = {"packhouse": {"knowledge": [{"collection": "default"}]}}


@asynccontextmanager
async def behind(directory: Path, provider: Provider) -> AsyncGenerator[tuple[Gateway, Simulator]]:
    async with simulator(provider, RULES) as sim:
        settings = {"upstream": (f"{provider}=http://127.0.0.1:{sim.port}",), "upstream_key": sim.credentials.key}
        async with gateway(directory, settings=settings, packs=PackModels(MODELS[provider])) as gate:
            headers = {"x-api-key": gate.keys["all"]}
            async with httpx.AsyncClient(headers=headers, timeout=60) as http:
                url = f"{gate.base_url}/knowledge/collections/default/chunks"
                assert (await http.post(url, json={"chunks": [CHUNK]})).status_code == 200
            yield gate, sim


async def asked(gate: Gateway, text: str, *, stream: bool, **more: Any) -> anthropic.types.Message:
    """What the unmodified client makes of it; `packhouse` of a stream comes with its last event."""
    url = gate.base_url.removesuffix("/v1")
    question: Any = [{"role": "user", "content": text}]
    async with anthropic.AsyncAnthropic(base_url=url, api_key=gate.keys["all"], max_retries=0) as client:
        given: Any = {"model": "default", "max_tokens": 2_000, "messages": question, "extra_body": GROUNDED, **more}
        if not stream:
            return await client.messages.create(**given)
        async with client.messages.stream(**given) as events:
            told = [event.packhouse async for event in events if event.type == "message_delta"]  # type: ignore[attr-defined]
            message: Any = await events.get_final_message()
            message.packhouse = told[0]
            return message


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_model_that_thinks_looks_up_and_cites(tmp_path: Path, provider: Provider, stream: bool) -> None:
    async with behind(tmp_path, provider) as (gate, sim):
        thinking = {"type": "enabled", "budget_tokens": 1_024}
        message: Any = await asked(gate, "What colour?", stream=stream, thinking=thinking)
        said = [block.text for block in message.content if block.type == "text"]
        assert said == (["I look.", "It is green."] if stream else ["It is green."])
        assert not any(block.type == "tool_use" for block in message.content)
        assert message.stop_reason == "end_turn"
        assert (message.usage.input_tokens, message.usage.output_tokens) == (40, 10), "both rounds are the answer's"
        (reference,) = message.packhouse["references"]
        assert (reference["chunk_id"], reference["source"]) == ("buoy-7", "https://b.example")
        assert message.packhouse["usage"]["embeddings"]["input_tokens"] > 0
        turn = sim.seen.last.json()["messages"][1]["content"]  # type: ignore[index]
        kinds = [next(iter(block)) if provider == "bedrock" else block["type"] for block in turn]
        assert kinds == (
            ["reasoningContent", "text", "toolUse"] if provider == "bedrock" else ["thinking", "text", "tool_use"]
        )
        assert SIGNATURE in json.dumps(turn[0])
        assert gate.held() == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_a_tool_of_the_callers_goes_first(tmp_path: Path, stream: bool) -> None:
    async with behind(tmp_path, "anthropic") as (gate, sim):
        message: Any = await asked(gate, "mine as well", stream=stream, tools=[MINE])
        assert [(block.type, block.name) for block in message.content] == [("tool_use", "mine")]
        assert message.stop_reason == "tool_use"
        assert len([call for call in sim.seen.calls if "messages" in call.path]) == 1


async def test_a_collection_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with behind(tmp_path, "anthropic") as (gate, _):
        body = {"packhouse": {"knowledge": [{"collection": "none"}]}}
        with pytest.raises(anthropic.NotFoundError, match="none"):
            await asked(gate, "What colour?", stream=False, extra_body=body)
        with pytest.raises(anthropic.BadRequestError):
            await asked(gate, "What colour?", stream=True, extra_body={"packhouse": {"knowlege": []}})
