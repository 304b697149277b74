"""The unmodified `openai` client, through the gateway, to simulated providers of every dialect."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from packhouse.simulators import Citation, Provider, Rule, Simulator, ToolCall, Usage, simulator
from tests.simulators.shapes import check_openai
from tests.support.gateway import Gateway, PackModels, gateway
from tests.support.openai_stream import chunks_of, gathered

pytestmark = pytest.mark.anyio

PROVIDERS: dict[Provider, str] = {
    "openai": "upstream-openai",
    "anthropic": "claude-sonnet-4-6",
    "bedrock": "claude-sonnet-4-6",
}
TRANSLATED: list[Provider] = ["anthropic", "bedrock"]
USAGE = Usage(input=30, output=7, cache_read=20, cache_write=10)
SIGNATURE = base64.b64encode(b"signature").decode()
REDACTED = base64.b64encode(b"redacted").decode()
RULES = (
    Rule(when="think", text="So.", thinking="Hm, let me see.", signature=SIGNATURE, redacted_thinking=REDACTED,
         tool_calls=(ToolCall(name="f", arguments={"a": 1}), ToolCall(name="g", arguments={"b": [2]}))),
    Rule(when="both tools", text="", tool_calls=(ToolCall(name="f", arguments={"a": 1}), ToolCall(name="g"))),
    Rule(when="cite", text="The sky is blue.", citations=(Citation(text="blue", title="D", start=3, end=7),)),
    Rule(when="refuse", text="I will not.", stop="refusal"),
    Rule(when="tell", text="one two three four", pieces=4, usage=USAGE),
)  # fmt: skip
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("f", "g")
]
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n%%EOF").decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def asked(text: str) -> Any:
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


async def posted(gate: Gateway, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {gate.keys['text']}"}
    async with httpx.AsyncClient(headers=headers) as http:
        return await http.post(f"{gate.base_url}/chat/completions", json={"model": "default", **body})


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_with_all_classes_of_tokens(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        answer = await gate.client().chat.completions.create(model="default", messages=asked("tell"))
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two three four", "stop")
        usage = answer.usage
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (60, 7, 67)
        assert usage.prompt_tokens_details.cached_tokens == 20
        if provider != "openai":
            assert usage.prompt_tokens_details.model_dump()["cache_write_tokens"] == 10


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("include", [True, False])
async def test_a_stream(tmp_path: Path, provider: Provider, include: bool) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        options: Any = {"stream_options": {"include_usage": True}} if include else {}
        stream = await gate.client().chat.completions.create(
            model="default", messages=asked("tell"), stream=True, **options
        )
        chunks = [chunk async for chunk in stream]
        text = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
        assert "".join(text) == "one two three four"
        assert len(text) == 4
        usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
        assert [usage.total_tokens for usage in usages] == ([67] if include else [])
        assert chunks[-1 - include].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_calls_of_several_tools_and_their_results(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, sim):
        create = gate.client().chat.completions.create
        question = asked("both tools")
        answer = await create(model="default", messages=question, tools=TOOLS)
        said: Any = answer.choices[0].message
        assert answer.choices[0].finish_reason == "tool_calls"
        calls = [call for call in said.tool_calls or () if call.type == "function"]
        assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
            ("f", {"a": 1}),
            ("g", {}),
        ]
        results: Any = [{"role": "tool", "tool_call_id": call.id, "content": f"tell {call.id}"} for call in calls]
        again = await create(model="default", messages=[*question, said, *results], tools=TOOLS)
        assert again.choices[0].message.content == "one two three four"
        assert all(call.id in sim.seen.last.body.decode() for call in calls)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_tool_that_must_be_called_streams_its_arguments(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        create = gate.client().chat.completions.create
        for choice, names in (
            ({"type": "function", "function": {"name": "g"}}, {"g"}),
            ("required", {"f", "g"}),
            ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": TOOLS[:1]}}, {"f"}),
        ):
            if provider == "openai" and isinstance(choice, dict) and choice["type"] == "allowed_tools":
                continue  # it is relayed, and the simulator knows no such choice
            given: Any = choice
            stream = await create(model="default", messages=asked("x"), tools=TOOLS, tool_choice=given, stream=True)
            whole = gathered([chunk.model_dump(exclude_unset=True) async for chunk in stream])
            assert {call["function"]["name"] for call in whole["tool_calls"]} <= names
            assert all(json.loads(call["function"]["arguments"]) == {} for call in whole["tool_calls"])
            assert whole["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("provider", TRANSLATED)
@pytest.mark.parametrize("stream", [True, False])
async def test_thought_goes_back_signed_through_a_loop_of_tools(
    tmp_path: Path, provider: Provider, stream: bool
) -> None:
    async with behind(tmp_path, provider) as (gate, sim):
        asking: dict[str, Any] = {
            "messages": asked("think"),
            "tools": TOOLS,
            "max_tokens": 4000,
            "thinking": {"type": "enabled", "budget_tokens": 2000},
        }
        if stream:
            said = gathered(chunks_of((await posted(gate, **asking, stream=True)).content))
        else:
            said = (await posted(gate, **asking)).json()["choices"][0]["message"]
        assert said["reasoning_content"] == "Hm, let me see."
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "tell"} for call in said["tool_calls"]]
        said.pop("finish_reason", None)
        reply = await posted(gate, **{**asking, "messages": [*asking["messages"], said, *results]})
        assert reply.json()["choices"][0]["message"]["content"] == "one two three four"
        turn = sim.seen.last.json()["messages"][1]["content"]  # type: ignore[index]
        wanted = {
            "anthropic": [
                {"type": "thinking", "thinking": "Hm, let me see.", "signature": SIGNATURE},
                {"type": "redacted_thinking", "data": REDACTED},
            ],
            "bedrock": [
                {"reasoningContent": {"reasoningText": {"text": "Hm, let me see.", "signature": SIGNATURE}}},
                {"reasoningContent": {"redactedContent": REDACTED}},
            ],
        }[provider]
        assert [block for block in turn if block in wanted] == wanted


@pytest.mark.parametrize("provider", TRANSLATED)
async def test_images_and_files_reach_the_provider_as_its_own(tmp_path: Path, provider: Provider) -> None:
    content: Any = [
        {"type": "text", "text": "tell"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "high"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
    ]
    async with behind(tmp_path, provider) as (gate, sim):
        await gate.client().chat.completions.create(model="default", messages=[{"role": "user", "content": content}])
        body = sim.seen.last.body.decode()
        assert PNG in body
        assert PDF in body


@pytest.mark.parametrize("provider", TRANSLATED)
@pytest.mark.parametrize("stream", [True, False])
async def test_citations_of_documents_are_not_lost(tmp_path: Path, provider: Provider, stream: bool) -> None:
    content = [
        {"type": "text", "text": "cite"},
        {"type": "file", "file": {"filename": "d.txt", "file_data": "data:text/plain;base64,YmxhYmx1ZQ=="}},
    ]
    async with behind(tmp_path, provider) as (gate, _):
        reply = await posted(gate, messages=[{"role": "user", "content": content}], stream=stream)
        said = gathered(chunks_of(reply.content)) if stream else reply.json()["choices"][0]["message"]
        assert said["content"] == "The sky is blue."
        (cited,) = said["provider_specific_fields"]["citations"]
        assert (cited["kind"], cited["cited_text"], cited["start"], cited["end"]) == ("characters", "blue", 3, 7)
        assert (cited["start_index"], cited["end_index"]) == (0, len("The sky is blue."))


@pytest.mark.parametrize("provider", TRANSLATED)
async def test_a_refusal_is_one(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        answer = await gate.client().chat.completions.create(model="default", messages=asked("refuse"))
        assert answer.choices[0].finish_reason == "content_filter"
        if provider == "anthropic":
            assert (answer.choices[0].message.content, answer.choices[0].message.refusal) == (None, "I will not.")


class Place(BaseModel):
    name: str
    people: int


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_answer_of_a_form(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        parsed = await gate.client().chat.completions.parse(model="default", messages=asked("x"), response_format=Place)
        assert isinstance(parsed.choices[0].message.parsed, Place)


@pytest.mark.needs("specs")
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_every_answer_is_as_published(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, _):
        for text in ("tell", "both tools", "refuse", "anything"):
            asking: dict[str, Any] = {"messages": asked(text), "tools": TOOLS}
            check_openai("CreateChatCompletionResponse", (await posted(gate, **asking)).json())
            for options in ({}, {"stream_options": {"include_usage": True}}):
                reply = await posted(gate, **asking, stream=True, **options)
                for chunk in chunks_of(reply.content):
                    check_openai("CreateChatCompletionStreamResponse", chunk)
        for wrong in ({"n": 2}, {"model": "none"}, {"logprobs": True}, {"max_tokens": 0}):
            check_openai("ErrorResponse", (await posted(gate, messages=asked("x"), **wrong)).json())


@pytest.mark.needs("specs")
async def test_models_are_as_published(tmp_path: Path) -> None:
    async with behind(tmp_path, "bedrock") as (gate, _), httpx.AsyncClient() as http:
        headers = {"authorization": f"Bearer {gate.keys['text']}"}
        listed = (await http.get(f"{gate.base_url}/models", headers=headers)).json()
        check_openai("ListModelsResponse", listed)
        assert listed["data"]
        for model in listed["data"]:
            check_openai("Model", (await http.get(f"{gate.base_url}/models/{model['id']}", headers=headers)).json())
        with pytest.raises(openai.NotFoundError):
            await gate.client().models.retrieve("none")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_log_probabilities_are_refused_on_every_road(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider) as (gate, sim):
        with pytest.raises(openai.BadRequestError) as raised:
            await gate.client().chat.completions.create(model="default", messages=asked("x"), logprobs=True)
        assert (raised.value.code, raised.value.param) == ("unsupported", "logprobs")
        assert not sim.seen.calls
        assert await gate.usage() == []


@pytest.mark.parametrize("provider", TRANSLATED)
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"web_search_options": {}}, "web_search_options"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0]"),
        ({"modalities": ["audio"], "audio": {"voice": "v", "format": "mp3"}}, "modalities"),
    ],
)
async def test_what_a_provider_cannot_do_is_refused_by_name(
    tmp_path: Path, provider: Provider, change: Any, param: str
) -> None:
    async with behind(tmp_path, provider) as (gate, sim):
        reply = await posted(gate, messages=asked("x"), **change)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported")
        assert reply.json()["error"]["param"] == param
        assert not sim.seen.calls
        assert gate.held() == 0
