"""What an application does with the `openai` client, with each provider behind: and all of it booked to the token."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from packhouse.simulators import Citation, Provider, Rule, Simulator, ToolCall, Usage, simulator
from tests.support.gateway import Gateway, PackModels, gateway

pytestmark = pytest.mark.anyio

PROVIDERS: dict[Provider, str] = {
    "openai": "upstream-openai",
    "anthropic": "claude-sonnet-4-6",
    "bedrock": "claude-sonnet-4-6",
}
TRANSLATED: list[Provider] = ["anthropic", "bedrock"]
SIGNATURE = base64.b64encode(b"signature").decode()
REDACTED = base64.b64encode(b"redacted").decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n%%EOF").decode()
RULES = (
    Rule(when="weigh", text="Let me look.", thinking="Two cities.", signature=SIGNATURE, redacted_thinking=REDACTED,
         tool_calls=(ToolCall(name="weather", arguments={"city": "Öslo"}), ToolCall(name="clock"))),
    Rule(when="both", text="", tool_calls=(ToolCall(name="weather", arguments={"city": "Rome"}), ToolCall(name="clock"),
                                           ToolCall(name="weather", arguments={"city": "Bern"}))),
    Rule(when="cached", text="From the cache.", usage=Usage(input=30, output=7, cache_read=20, cache_write=10)),
    Rule(when="cite", text="The sky is blue.",
         citations=(Citation(text="blue", start=3, end=7), Citation(text="bla", end=3))),
    Rule(when="count", text="one two END three STOP four"),
)  # fmt: skip
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    },
    {"type": "function", "function": {"name": "clock"}},
]
THINKING: Any = {"thinking": {"type": "enabled", "budget_tokens": 2_000}}


class Place(BaseModel):
    name: str
    people: int
    near: list[str]


def asked(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@asynccontextmanager
async def behind(directory: Path, provider: Provider) -> AsyncGenerator[tuple[Gateway, Simulator]]:
    async with simulator(provider, RULES) as sim:
        url = f"http://127.0.0.1:{sim.port}" + ("/v1" if provider == "openai" else "")
        settings: dict[str, Any] = {"upstream": (f"{provider}={url}",), "upstream_key": sim.credentials.key}
        if provider == "openai":
            settings["upstream_model"] = "m"
        limits = {"input": 10_000_000, "output": 10_000_000}
        packs = PackModels(PROVIDERS[provider])
        async with gateway(directory, settings=settings, packs=packs, limits=limits) as gate:
            yield gate, sim
            await assert_booked(gate, sim, tells_cache_writes=provider != "openai")


async def assert_booked(gate: Gateway, sim: Simulator, *, tells_cache_writes: bool) -> None:
    """Each call that the provider answered is booked at what it counted itself, and nothing is held."""
    await gate.plane.upkeep.drain()
    booked = gate.installation.sql(
        "SELECT input, output, cache_read, cache_write, source, outcome FROM usage_record ORDER BY started_at, call_id"
    )
    counted = list[tuple[object, ...]]()
    for call in sim.seen.calls:
        usage, written = call.usage, call.usage.cache_write
        own, rest = (0, written) if tells_cache_writes else (written, 0)
        if call.status == 200:
            counted.append((usage.input + own, usage.output, usage.cache_read, rest, "reported", "ok"))
    assert sorted(booked, key=repr) == sorted(counted, key=repr)
    assert gate.held() == 0


def results_of(said: Any, content: Any = "count") -> list[Any]:
    return [{"role": "tool", "tool_call_id": call.id, "content": content} for call in said.tool_calls]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_plain_and_streamed_cost_what_the_provider_counted(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, sim):
        create = gate.client().chat.completions.create
        for text in ("Hello there, what a day", "cached", "count", "Ünïcödé 🌍 " * 20):
            await create(model="default", messages=asked(text))
            async for _ in await create(model="default", messages=asked(text), stream=True):
                pass
            include: Any = {"include_usage": True}
            stream = await create(model="default", messages=asked(text), stream=True, stream_options=include)
            *_, last = [chunk async for chunk in stream]
            assert last.usage is not None
            usage = sim.seen.last.usage
            assert last.usage.prompt_tokens == usage.input + usage.cache_read + usage.cache_write
            assert last.usage.completion_tokens == usage.output
        assert len(sim.seen.calls) == 12


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_loop_of_several_tools(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        chat = gate.client().chat.completions
        question = asked("both")
        answer = await chat.create(model="default", messages=question, tools=TOOLS)
        async with chat.stream(model="default", messages=question, tools=TOOLS) as stream:
            streamed = await stream.get_final_completion()
        for choice in (answer.choices[0], streamed.choices[0]):
            said: Any = choice.message
            assert choice.finish_reason == "tool_calls"
            assert [(call.function.name, json.loads(call.function.arguments)) for call in said.tool_calls] == [
                ("weather", {"city": "Rome"}),
                ("clock", {}),
                ("weather", {"city": "Bern"}),
            ]
            assert len({call.id for call in said.tool_calls}) == 3
            again = await chat.create(model="default", messages=[*question, said, *results_of(said)], tools=TOOLS)
            assert (again.choices[0].message.content or "").startswith("one two END three STOP four")


@pytest.mark.parametrize("provider", TRANSLATED)
@pytest.mark.parametrize("streams", [False, True])
async def test_a_loop_of_tools_with_thought(tmp_path: Path, provider: Provider, streams: bool) -> None:
    """The client's own message, put back into the conversation as it is, has the signatures still."""
    async with behind(tmp_path, provider) as (gate, sim):
        chat = gate.client().chat.completions
        asking: dict[str, Any] = {
            "model": "default",
            "tools": TOOLS,
            "max_completion_tokens": 4_000,
            "extra_body": THINKING,
        }
        question = asked("weigh")
        if streams:
            async with chat.stream(messages=question, **asking) as stream:
                said: Any = (await stream.get_final_completion()).choices[0].message
        else:
            said = (await chat.create(messages=question, **asking)).choices[0].message
        assert (said.content, said.reasoning_content) == ("Let me look.", "Two cities.")
        again = await chat.create(messages=[*question, said, *results_of(said)], **asking)
        assert (again.choices[0].message.content or "").startswith("one two END")
        turns: Any = sim.seen.last.json()
        thoughts = {
            "anthropic": [
                {"type": "thinking", "thinking": "Two cities.", "signature": SIGNATURE},
                {"type": "redacted_thinking", "data": REDACTED},
            ],
            "bedrock": [
                {"reasoningContent": {"reasoningText": {"text": "Two cities.", "signature": SIGNATURE}}},
                {"reasoningContent": {"redactedContent": REDACTED}},
            ],
        }[provider]
        assert turns["messages"][1]["content"][:2] == thoughts


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streams", [False, True])
async def test_what_stops_an_answer(tmp_path: Path, provider: Provider, streams: bool) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        for stop, text, reason in (
            ("END", "one two ", "stop"),
            (["nowhere", "STOP", "x"], "one two END three ", "stop"),
            (None, "one two END three STOP four", "stop"),
        ):
            given: dict[str, Any] = {} if stop is None else {"stop": stop}
            assert await said(gate, streams, messages=asked("count"), **given) == (text, reason)
        for cap in ("max_tokens", "max_completion_tokens"):
            capped: Any = {cap: 2}
            assert (await said(gate, streams, messages=asked("count"), **capped))[1] == "length"


async def said(gate: Gateway, streams: bool, **asking: Any) -> tuple[str, str | None]:
    """The text and the reason to stop."""
    create = gate.client().chat.completions.create
    if not streams:
        answer = (await create(model="default", **asking)).choices[0]
        return answer.message.content or "", answer.finish_reason
    chunks = [chunk async for chunk in await create(model="default", stream=True, **asking)]
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return "".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_images_and_files(tmp_path: Path, provider: Provider) -> None:
    content: list[Any] = [
        {"type": "text", "text": "count"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
        {"type": "file", "file": {"filename": "a b.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
    ]
    async with behind(tmp_path, provider) as (gate, sim):
        for streams in (False, True):
            text, _ = await said(gate, streams, messages=[{"role": "user", "content": content}])
            assert text.startswith("one two END")
            assert PNG in sim.seen.last.body.decode()
            assert PDF in sim.seen.last.body.decode()


@pytest.mark.parametrize("provider", TRANSLATED)
async def test_a_tool_may_answer_with_an_image(tmp_path: Path, provider: Provider) -> None:
    shown = [
        {"type": "text", "text": "count"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    async with behind(tmp_path, provider) as (gate, sim):
        chat = gate.client().chat.completions
        answer: Any = (await chat.create(model="default", messages=asked("both"), tools=TOOLS)).choices[0].message
        await chat.create(model="default", messages=[*asked("both"), answer, *results_of(answer, shown)], tools=TOOLS)
        turn = json.dumps(sim.seen.last.json()["messages"][-1])  # type: ignore[index]
        assert turn.count(PNG) == 3


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_of_a_form(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        chat = gate.client().chat.completions
        parsed = await chat.parse(model="default", messages=asked("x"), response_format=Place)
        assert isinstance(parsed.choices[0].message.parsed, Place)
        async with chat.stream(model="default", messages=asked("x"), response_format=Place) as stream:
            final = await stream.get_final_completion()
        assert isinstance(final.choices[0].message.parsed, Place)
        loose = await said(gate, False, messages=asked("json, please"), response_format={"type": "json_object"})
        if provider == "openai":  # others are told in words, and this one answers by rules
            assert isinstance(json.loads(loose[0]), dict)


@pytest.mark.parametrize("provider", TRANSLATED)
async def test_citations_are_put_together_by_the_client(tmp_path: Path, provider: Provider) -> None:
    text = base64.b64encode(b"blablue").decode()
    content: Any = [
        {"type": "text", "text": "cite"},
        {"type": "file", "file": {"filename": "d.txt", "file_data": f"data:text/plain;base64,{text}"}},
    ]
    async with behind(tmp_path, provider) as (gate, _):
        chat = gate.client().chat.completions
        messages: Any = [{"role": "user", "content": content}]
        whole: Any = (await chat.create(model="default", messages=messages)).choices[0].message
        async with chat.stream(model="default", messages=messages) as stream:
            streamed: Any = (await stream.get_final_completion()).choices[0].message
        for message in (whole, streamed):
            assert message.content == "The sky is blue."
            cited = message.provider_specific_fields["citations"]
            assert [(each["kind"], each["cited_text"]) for each in cited] == [
                ("characters", "blue"),
                ("characters", "bla"),
            ]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_changes_nothing_is_taken(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        answer = await gate.client().chat.completions.create(
            model="default",
            messages=[{"role": "developer", "content": "Be brief."}, *asked("count")],
            n=1,
            seed=7,
            user="someone",
            temperature=0.5,
            reasoning_effort="low",
            verbosity="low",
            service_tier="auto",
            store=False,
            metadata={"a": "b"},
            prompt_cache_key="k",
            parallel_tool_calls=True,
            tools=TOOLS,
            tool_choice="auto",
            logprobs=False,
        )
        assert answer.choices[0].message.content == "one two END three STOP four"


@pytest.mark.parametrize("provider", TRANSLATED)
async def test_json_without_an_end_is_the_callers_mistake(tmp_path: Path, provider: Provider) -> None:
    deep = '{"a":' * 50_000 + "1" + "}" * 50_000
    call = {"id": "c", "type": "function", "function": {"name": "clock", "arguments": deep}}
    history: Any = [
        *asked("x"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "count"},
    ]
    async with behind(tmp_path, provider) as (gate, sim):
        with pytest.raises(openai.BadRequestError) as raised:
            await gate.client().chat.completions.create(model="default", messages=history, tools=TOOLS)
        assert (raised.value.code, raised.value.param) == ("invalid_request", "messages")
        assert not sim.seen.calls


async def test_a_model_is_found_by_any_name_that_a_call_may_give_it(tmp_path: Path) -> None:
    async with behind(tmp_path, "bedrock") as (gate, _):
        client = gate.client()
        listed = [model.id async for model in client.models.list()]
        for name in (*listed, "default", "eu.anthropic.claude-sonnet-4-6"):
            found = await client.models.retrieve(name)
            assert found.id in listed
            answer = await client.chat.completions.create(model=name, messages=asked("count"))  # type: ignore[arg-type]
            assert answer.model == found.id
        for name in ("claude-none", "local-embeddings", "a/b", "ä:1"):
            with pytest.raises(openai.NotFoundError):
                await client.models.retrieve(name)


@pytest.mark.parametrize(("provider", "maker"), [("bedrock", "anthropic"), ("anthropic", "anthropic")])
async def test_a_model_is_owned_by_its_maker(tmp_path: Path, provider: Provider, maker: str) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        models = await gate.client().models.list()
        assert {model.owned_by for model in models.data} == {maker}
