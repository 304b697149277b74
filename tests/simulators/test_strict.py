"""What simulators refuse because the services do: strange blocks and names, a fifth mark, budgets that do not fit."""

from typing import Any

import httpx
import pytest

from packhouse.simulators import Credentials, Fault, Provider, simulator

pytestmark = pytest.mark.anyio

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "amazon.nova-lite-v1:0"
PATHS: dict[Provider, str] = {
    "anthropic": "/v1/messages",
    "bedrock": f"/model/{CLAUDE}/converse",
    "openai": "/v1/chat/completions",
}
MARK = {"type": "ephemeral"}
TEXT = {"type": "text", "text": "Hello"}


async def asked(provider: Provider, body: Any, *, path: str = "") -> tuple[int, str]:
    headers = {"anthropic-version": "2023-06-01"}
    async with (
        simulator(provider, credentials=Credentials(any_key=True)) as sim,
        httpx.AsyncClient(base_url=sim.url, headers=headers) as http,
    ):
        reply = await http.post(path or PATHS[provider], json=body)
    return reply.status_code, reply.text


def messages(*blocks: Any, **more: Any) -> Any:
    return {"model": "claude-haiku-4-5", "max_tokens": 2_000, "messages": [{"role": "user", "content": blocks}], **more}


def converse(*blocks: Any, **more: Any) -> Any:
    return {"messages": [{"role": "user", "content": [{"text": "Hello"}, *blocks]}], **more}


def chat(*names: str, **more: Any) -> Any:
    functions = [{"type": "function", "function": {"name": name}} for name in names]
    tools: Any = {"tools": functions} if functions else {}
    return {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **tools, **more}


def tools_of(*names: str) -> Any:
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]


def specs_of(*names: str) -> Any:
    return {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {}}}} for name in names]}


MARKED = {**TEXT, "cache_control": MARK}
RETURNED: Any = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "hologram"}]}]},
]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (messages({"type": "hologram"}), "messages.0.content.0: Input tag 'hologram'"),
        (messages(TEXT, messages=RETURNED), "messages.2.content.0.tool_result.content.0: Input tag 'hologram'"),
        (messages(TEXT, system=[{"type": "image", "source": {"type": "url"}}]), "system.0: Input tag 'image'"),
        (messages(*[MARKED] * 5), "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        (messages(*[MARKED] * 4, cache_control=MARK), "Found 5."),
        (messages(*[MARKED] * 3, tools=[tools_of("a")[0] | {"cache_control": MARK}], system=[MARKED]), "Found 5."),
        (messages(TEXT, tools=tools_of("get weather")), "tools.0.custom.name: String should match pattern"),
        (messages(TEXT, tools=tools_of("a" * 65)), "tools.0.custom.name: String should match pattern"),
        (messages(TEXT, tools=tools_of("a", "a")), "Tool names must be unique"),
        (messages(TEXT, thinking={"type": "enabled", "budget_tokens": 1_023}), "greater than or equal to 1024"),
        (messages(TEXT, thinking={"type": "enabled", "budget_tokens": 2_000}), "must be greater than `thinking"),
        (messages(TEXT, tool_choice={"type": "any"}), "tool_choice may only be specified while providing tools"),
    ],
)
async def test_anthropic(body: Any, why: str) -> None:
    status, said = await asked("anthropic", body)
    assert (status, why in said) == (400, True), said


async def test_what_anthropic_takes() -> None:
    body = messages(*[MARKED] * 4, tools=tools_of("a" * 64, "b"), thinking={"type": "enabled", "budget_tokens": 1_999})
    assert (await asked("anthropic", body))[0] == 200


POINT = {"cachePoint": {"type": "default"}}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (converse({"hologram": {}}), "hologram"),
        (converse(*[POINT] * 5), "A maximum of 4 blocks with cache_control"),
        (converse(toolConfig=specs_of("get weather")), "failed to satisfy constraint"),
        (converse(toolConfig=specs_of("a", "a")), "duplicate tool names"),
        (converse(toolConfig={"tools": [], "toolChoice": {"any": {}}}), "greater than or equal to 1"),
    ],
)
@pytest.mark.parametrize("model", [CLAUDE, NOVA])
async def test_bedrock(model: str, body: Any, why: str) -> None:
    status, said = await asked("bedrock", body, path=f"/model/{model}/converse")
    assert (status, why in said) == (400, True), said


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (chat("get weather"), "Invalid 'tools[0].function.name'"),
        (chat("fine", "a" * 65), "Invalid 'tools[1].function.name'"),
        (chat(tool_choice="required"), "only allowed when 'tools' are specified"),
        (chat(messages=[{"role": "user", "content": [{"type": "hologram"}]}]), "hologram"),
    ],
)
async def test_openai(body: Any, why: str) -> None:
    status, said = await asked("openai", body)
    assert (status, why in said) == (400, True), said


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "UnrecognizedClientException"),
        (409, "ConflictException"),
        (413, "RequestEntityTooLargeException"),
        (418, "ValidationException"),
        (502, "InternalServerException"),
        (504, "ModelTimeoutException"),
        (529, "ServiceUnavailableException"),
    ],
)
async def test_bedrocks_errors_have_the_type_of_their_status(status: int, kind: str) -> None:
    async with (
        simulator("bedrock", credentials=Credentials(any_key=True)) as sim,
        httpx.AsyncClient(base_url=sim.url) as http,
    ):
        sim.fail(Fault(kind="status", status=status))
        reply = await http.post(PATHS["bedrock"], json=converse())
    assert (reply.status_code, reply.headers["x-amzn-errortype"].partition(":")[0]) == (status, kind)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "status", "status": 99}, "400 to 599, not 99"),
        ({"kind": "status", "status": 200}, "400 to 599, not 200"),
        ({"kind": "stall", "seconds": -1}, "seconds must be a number from 0 on, not -1"),
        ({"kind": "close", "after_pieces": -1}, "after_pieces must be"),
        ({"kind": "close", "times": -1}, "times must be"),
    ],
)
async def test_faults_that_cannot_happen(fault: Any, why: str) -> None:
    async with simulator("openai") as sim, httpx.AsyncClient(base_url=f"{sim.url}/_simulator") as http:
        for page, body in (("/fault", fault), ("/rules", {"rules": [{"fault": fault}]})):
            reply = await http.post(page, json=body)
            assert (reply.status_code, why in reply.json()["error"]) == (400, True), reply.text
        reply = await http.post("/listen", json={"mode": "refuse", "seconds": -1})
        assert (reply.status_code, "from 0 on" in reply.json()["error"]) == (400, True)
