"""OpenAI's simulator, called by the `openai` client; every answer is held against OpenAI's own description."""

import base64
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
import openai
import pytest

from packhouse.simulators import Rule, Simulator, ToolCall, Usage, simulator
from tests.simulators.clients import openai_client
from tests.simulators.shapes import check_openai

pytestmark = [pytest.mark.anyio, pytest.mark.needs("specs")]

USER: Any = [{"role": "user", "content": "Hello there"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PARALLEL = Rule(
    text="Two cities.",
    tool_calls=(ToolCall("weather", {"city": "Bonn"}, "call_a"), ToolCall("weather", {"city": "Ulm"})),
    usage=Usage(input=90, cache_read=10, output=50),
)


@pytest.fixture
async def sim() -> AsyncGenerator[Simulator]:
    async with simulator("openai") as running:
        yield running


@pytest.fixture
async def client(sim: Simulator) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai_client(sim) as made:
        yield made


@pytest.fixture
async def lenient(sim: Simulator) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai_client(sim, strict=False) as made:
        yield made


async def chunks(sim: Simulator, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a stream, each of which is as OpenAI describes it."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {sim.credentials.key}"}) as http:
        reply = await http.post(f"{sim.url}/v1/chat/completions", json={"model": "m", "stream": True, **body})
    *events, done, rest = reply.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    found = [msgspec.json.decode(event.removeprefix("data: ")) for event in events]
    for chunk in found:
        check_openai("CreateChatCompletionStreamResponse", chunk)
    return found


async def test_the_last_turn_comes_back(client: openai.AsyncOpenAI, sim: Simulator) -> None:
    answer = await client.chat.completions.create(model="gpt-4o", messages=USER)
    check_openai("CreateChatCompletionResponse", answer.model_dump(mode="json", exclude_unset=True))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello there", "stop")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (15, 3, 18)
    assert sim.seen.usage == Usage(input=15, output=3)


@pytest.mark.parametrize("include_usage", [True, False])
async def test_a_stream_ends_with_its_usage_if_that_was_asked(sim: Simulator, *, include_usage: bool) -> None:
    found = await chunks(sim, {"messages": USER, "stream_options": {"include_usage": include_usage}})
    assert [chunk["choices"][0]["delta"].get("content") for chunk in found if chunk["choices"]] == [
        "",
        "Hello",
        " there",
        None,
    ]
    last = found[-1]
    if include_usage:
        assert (last["choices"], last["usage"]["total_tokens"]) == ([], 18)
        assert all(chunk["usage"] is None for chunk in found[:-1])
    else:
        assert last["choices"][0]["finish_reason"] == "stop"
        assert not any("usage" in chunk for chunk in found)


async def test_parallel_tool_calls() -> None:
    async with simulator("openai", [PARALLEL]) as sim, openai_client(sim) as client:
        whole = await client.chat.completions.create(model="m", messages=USER, tools=[TOOL])
        async with client.chat.completions.stream(
            model="m", messages=USER, tools=[TOOL], stream_options={"include_usage": True}
        ) as stream:
            streamed = await stream.get_final_completion()
        await chunks(sim, {"messages": USER, "tools": [TOOL]})
    check_openai("CreateChatCompletionResponse", whole.model_dump(mode="json", exclude_unset=True))
    for answer in (whole, streamed):
        choice = answer.choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Two cities.")
        assert choice.message.tool_calls
        first, second = choice.message.tool_calls
        assert (first.id, first.function.arguments) == ("call_a", '{"city":"Bonn"}')  # type: ignore[union-attr]
        assert second.function.arguments == '{"city":"Ulm"}'  # type: ignore[union-attr]
        assert answer.usage
        assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (100, 10)  # type: ignore[union-attr]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
async def test_a_forced_tool_is_called_and_its_result_comes_back(client: openai.AsyncOpenAI, choice: Any) -> None:
    answer = await client.chat.completions.create(model="m", messages=USER, tools=[TOOL], tool_choice=choice)
    message = answer.choices[0].message
    assert message.tool_calls
    assert message.tool_calls[0].function.arguments == '{"city":"Hello there"}'  # type: ignore[union-attr]
    history: Any = [*USER, message.model_dump(exclude_none=True)]
    result: Any = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "22 degrees"}
    after = await client.chat.completions.create(model="m", messages=[*history, result], tools=[TOOL])
    assert after.choices[0].message.content == "22 degrees"
    with pytest.raises(openai.BadRequestError, match="did not have response messages"):
        await client.chat.completions.create(model="m", messages=[*history, *USER], tools=[TOOL])


async def test_limits_stops_and_formats(client: openai.AsyncOpenAI) -> None:
    create = client.chat.completions.create
    cut = await create(model="m", messages=USER, max_completion_tokens=2)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("Hello th", "length")
    stopped = await create(model="m", messages=USER, stop="there")
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("Hello ", "stop")
    anything = await create(model="m", messages=USER, response_format={"type": "json_object"})
    assert msgspec.json.decode(anything.choices[0].message.content or "") == {"answer": "Hello there"}
    schema: Any = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {}, "minItems": 1}},
        "required": ["a"],
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    formed = await create(model="m", messages=USER, response_format=form)
    assert msgspec.json.decode(formed.choices[0].message.content or "") == {"a": ["Hello there"]}


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [("a b", [1]), (["a b", "longer text"], [1, 3]), ([1, 2, 3], [3]), ([[1, 2], [3]], [2, 1])],
)
async def test_embeddings(lenient: openai.AsyncOpenAI, asked: Any, tokens: list[int]) -> None:
    answer = await lenient.embeddings.create(model="text-embedding-3-small", input=asked)
    assert [len(it.embedding) for it in answer.data] == [1536] * len(tokens)
    assert answer.usage.prompt_tokens == sum(tokens)
    plain = await lenient.embeddings.create(
        model="text-embedding-3-small", input=asked, encoding_format="float", dimensions=256
    )
    check_openai("CreateEmbeddingResponse", plain.model_dump(mode="json"))
    assert [len(it.embedding) for it in plain.data] == [256] * len(tokens)
    assert all(sum(cell * cell for cell in it.embedding) == pytest.approx(1.0) for it in plain.data)


async def test_base64_is_the_same_vector(lenient: openai.AsyncOpenAI, sim: Simulator) -> None:
    body = {"model": "text-embedding-3-small", "input": "a b", "dimensions": 8, "encoding_format": "base64"}
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {sim.credentials.key}"}) as http:
        packed = (await http.post(f"{sim.url}/v1/embeddings", json=body)).json()["data"][0]["embedding"]
    assert len(base64.b64decode(packed)) == 8 * 4
    default = await lenient.embeddings.create(model="text-embedding-3-small", input="a b", dimensions=8)
    plain = await lenient.embeddings.create(
        model="text-embedding-3-small", input="a b", dimensions=8, encoding_format="float"
    )
    assert default.data[0].embedding == plain.data[0].embedding


async def test_models(client: openai.AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]
    assert "gpt-4o" in listed
    assert (await client.models.retrieve("gpt-4o")).id == "gpt-4o"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/chat/completions", {"model": "nonexistent", "messages": USER}, 404, "model_not_found"),
        ("/v1/chat/completions", {"model": "m", "messages": []}, 400, "empty_array"),
        ("/v1/chat/completions", {"model": "m", "messages": USER, "strange": 1}, 400, None),
        ("/v1/chat/completions", {"model": "m", "messages": USER, "tool_choice": "auto"}, 400, None),
        ("/v1/embeddings", {"model": "m", "input": []}, 400, None),
        ("/v1/embeddings", {"model": "m", "input": "a", "dimensions": 10_000}, 400, None),
        ("/v1/nowhere", {}, 404, "unknown_url"),
    ],
)
async def test_refusals(sim: Simulator, *, path: str, body: Any, status: int, code: str | None) -> None:
    async with httpx.AsyncClient(base_url=sim.url) as http:
        reply = await http.post(path, json=body, headers={"authorization": f"Bearer {sim.credentials.key}"})
        stranger = await http.post(path, json=body, headers={"authorization": "Bearer other"})
    check_openai("ErrorResponse", reply.json())
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (401, "invalid_api_key")
    assert reply.headers["x-request-id"]
