"""Every no in Anthropic's shape: the class that its client raises, what it says, and what it tells to do."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest

from packhouse.domain.key import write_key
from packhouse.simulators import Fault, Rule
from tests.support.anthropic_gateway import Behind, behind

pytestmark = pytest.mark.anyio

HELLO: Any = [{"role": "user", "content": "Hello"}]
ASKED: Any = {"model": "default", "max_tokens": 100, "messages": HELLO}


@pytest.fixture
async def to(tmp_path: Path) -> AsyncGenerator[Behind]:
    """Anthropic behind: bodies travel as they are."""
    async with behind(tmp_path, "anthropic", provider_attempts=1) as running:
        yield running


@pytest.fixture
async def to_bedrock(tmp_path: Path) -> AsyncGenerator[Behind]:
    """Bedrock behind: bodies are read and written anew."""
    async with behind(tmp_path, "bedrock", provider_attempts=1) as running:
        yield running


def check(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The error, which is in Anthropic's shape."""
    body = answer.json()
    assert (answer.status_code, body["type"], body["error"]["type"]) == (status, "error", kind), answer.text
    assert body["error"]["message"]
    assert body["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    return body["error"]


# keys


@pytest.mark.parametrize("header", ["x-api-key", "authorization", "api-key"])
@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21", None])
async def test_a_key_in_any_of_the_headers_with_any_version(
    to_bedrock: Behind, header: str, version: str | None
) -> None:
    key = to_bedrock.gate.keys["text"]
    headers = {header: f"Bearer {key}" if header == "authorization" else key}
    headers |= {"anthropic-version": version} if version else {}
    url = f"{to_bedrock.gate.base_url}/messages"
    async with httpx.AsyncClient(headers=headers) as http:
        answer = await http.post(url, json=ASKED)
    assert answer.status_code == 200
    assert answer.json()["content"] == [{"type": "text", "text": "Hello"}]


@pytest.mark.parametrize(
    ("key", "error", "code"),
    [
        ("no key at all", anthropic.AuthenticationError, "key_malformed"),
        (write_key("x" * 12, "y" * 32), anthropic.AuthenticationError, "key_unknown"),
        ("embeddings", anthropic.PermissionDeniedError, "key_wrong_type"),
    ],
)
async def test_a_key_that_does_not_open_says_why(
    to: Behind, key: str, error: type[anthropic.APIStatusError], code: str
) -> None:
    for call in (
        to.with_key(key).messages.create(**ASKED),
        to.with_key(key).messages.count_tokens(model="x", messages=HELLO),
    ):
        with pytest.raises(error) as raised:
            await call
        assert raised.value.error_code == code
        assert raised.value.request_id
    assert to.calls == []


async def test_no_key(to: Behind) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{to.gate.base_url}/messages", json=ASKED)
    assert check(answer, 401, "authentication_error")["code"] == "key_missing"


# requests


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "at least 1"),
        ({"max_tokens": -5}, "at least 1"),
        ({"max_tokens": 1_000_000}, "at most 64,000"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"messages": []}, "at least one message"),
        ({"messages": None}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"model": 7}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"packhouse": {"knowlege": []}}, "knowlege"),
    ],
)
async def test_a_wrong_request_is_refused_before_it_leaves(to: Behind, change: Any, says: str) -> None:
    for stream in ({}, {"stream": True}):
        answer = await to.http.post("/v1/messages", json={**ASKED, **stream, **change})
        assert says in check(answer, 400, "invalid_request_error")["message"]
    assert to.calls == []
    assert await to.booked() == []


async def test_what_is_left_out_is_as_anthropic_has_it(to: Behind) -> None:
    """The cap must be said, the model is the pack's own."""
    left_out = {"messages": HELLO}
    assert "max_tokens: Field required" in (await to.http.post("/v1/messages", json=left_out)).text
    answer = await to.http.post("/v1/messages", json={**left_out, "max_tokens": 5})
    assert (answer.status_code, answer.json()["model"]) == (200, "claude-sonnet-4-6")


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"max_tokens":9,"messages":%b}' % DEEP,
        b'{"max_tokens":9,"messages":[{"role":"user","content":%b}]}' % DEEP,
        b'{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":%b}' % DEEP,
        b'{"max_tokens":9,"messages":[{"role":"user","content":"x"}],"metadata":{"a":%b}}' % DEEP,
        b'{"max_tokens":9,"messages":[',
        b"\xff\xfe",
        b"",
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_what_is_no_json_or_too_deep_is_the_callers_mistake(
    to: Behind, to_bedrock: Behind, path: str, body: bytes
) -> None:
    for running in (to, to_bedrock):
        assert check(await running.http.post(path, content=body), 400, "invalid_request_error")


@pytest.mark.parametrize("depth", [50, 200, 450])
async def test_blocks_in_blocks_end_in_a_clear_no(to_bedrock: Behind, depth: int) -> None:
    block: Any = {"type": "text", "text": "x"}
    for _ in range(depth):
        block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    messages = [{"role": "user", "content": [block]}]
    answer = await to_bedrock.http.post("/v1/messages", content=json.dumps({**ASKED, "messages": messages}))
    assert check(answer, 400, "invalid_request_error")


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, "'server_tool_use'"),
        ({"type": "container_upload", "file_id": "f"}, "'container_upload'"),
        ({"type": "something_new", "x": 1}, "'something_new'"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "'image by file'"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "'document by file'"),
        (
            {"type": "document", "source": {"type": "content", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}}]}},
            "'document with images'",
        ),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "code_execution"}}, "'tool_use'"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%"}}, "not base64"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "thinking", "thinking": "x"}]}, "`thinking`"),
        ({"text": "x"}, "no `type`"),
        ({"type": "text"}, "`text`"),
        ({"type": "text", "text": 1}, "messages[0].content[0]"),
        ("x", "messages[0].content[0]"),
    ],
)  # fmt: skip
async def test_a_block_that_bedrock_has_not_is_refused_by_its_name(to_bedrock: Behind, block: Any, says: str) -> None:
    for stream in (False, True):
        body = {
            **ASKED,
            "stream": stream,
            "messages": [{"role": "user", "content": [block, {"type": "text", "text": "x"}]}],
        }
        answer = await to_bedrock.http.post("/v1/messages", json=body)
        assert says in check(answer, 400, "invalid_request_error")["message"]
    assert to_bedrock.calls == []
    assert to_bedrock.gate.held() == 0


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "clock"}])
async def test_a_tool_that_must_be_called_needs_tools(to_bedrock: Behind, choice: Any) -> None:
    answer = await to_bedrock.http.post("/v1/messages", json={**ASKED, "tool_choice": choice})
    assert "there are no `tools`" in check(answer, 400, "invalid_request_error")["message"]
    assert to_bedrock.calls == []


@pytest.mark.parametrize("content", ["", [], " ", [{"type": "text", "text": ""}], [{"type": "text", "text": " \n"}]])
@pytest.mark.parametrize("role", ["user", "system"])
async def test_an_empty_message_is_refused(to_bedrock: Behind, content: Any, role: str) -> None:
    messages = [*HELLO, {"role": role, "content": content}]
    answer = await to_bedrock.http.post("/v1/messages", json={**ASKED, "messages": messages})
    assert "`messages[1].content` is empty" in check(answer, 400, "invalid_request_error")["message"]


async def test_a_last_answer_may_be_empty(to: Behind, to_bedrock: Behind) -> None:
    for running in (to, to_bedrock):
        messages = [*HELLO, {"role": "assistant", "content": []}]
        answer = await running.http.post("/v1/messages", json={**ASKED, "messages": messages})
        assert answer.status_code == 200


async def test_a_result_before_its_call_is_refused_by_who_knows(to: Behind, to_bedrock: Behind) -> None:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    for running in (to, to_bedrock):
        with pytest.raises(anthropic.BadRequestError) as raised:
            await running.client.messages.create(
                **ASKED | {"messages": [{"role": "user", "content": [result]}]}, tools=tools
            )
        assert raised.value.error_code == "provider_refused"
        assert "tool" in str(raised.value)
        assert running.gate.held() == 0


async def test_an_unknown_model_names_the_ones_there_are(to: Behind) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        await to.client.messages.create(**ASKED | {"model": "claude-nine"})
    assert raised.value.error_code == "model_unknown"
    assert "claude-sonnet-4-6" in str(raised.value)


@pytest.mark.parametrize("field", ["container", "mcp_servers", "context_management"])
async def test_what_only_anthropic_does_is_refused_by_name_elsewhere(tmp_path: Path, field: str) -> None:
    async with behind(tmp_path, "openai") as to:
        answer = await to.http.post("/v1/messages", json={**ASKED, field: {"a": 1}})
        assert field in check(answer, 400, "invalid_request_error")["message"]
        assert to.calls == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"thread": {"type": "create"}}, "thread_unsupported_request"),
        ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, "thread_unsupported_request"),
        ({"fallbacks": [{"model": "claude-opus-5"}]}, "unsupported"),
        ({"fallbacks": "default"}, "unsupported"),
        ({"inference_geo": "us"}, "unsupported"),
    ],
)
async def test_what_would_leave_the_pack_is_not_asked_for(to: Behind, change: Any, code: str) -> None:
    """Content kept at the provider, another model, another region."""
    error = check(await to.http.post("/v1/messages", json={**ASKED, **change}), 400, "invalid_request_error")
    assert (error["code"], error["details"]["error_code"]) == ("unsupported", code)
    assert error["field"] in change
    assert to.calls == []
    answer = await to.http.post("/v1/messages", json={**ASKED, **dict.fromkeys(change)})
    assert answer.status_code == 200, "null asks for nothing"


# betas


async def test_betas_travel_where_they_are_known_and_are_passed_over_elsewhere(tmp_path: Path) -> None:
    betas = {"anthropic-beta": "interleaved-thinking-2025-05-14,files-api-2025-04-14"}
    for place, provider in enumerate(("anthropic", "bedrock", "openai")):
        directory = tmp_path / str(place)
        directory.mkdir()
        async with behind(directory, provider) as to:
            assert (await to.http.post("/v1/messages", json=ASKED, headers=betas)).status_code == 200
            seen = to.sim.seen.last
            match provider:
                case "anthropic":
                    assert seen.headers["anthropic-beta"] == betas["anthropic-beta"]
                case "bedrock":
                    assert to.asked["additionalModelRequestFields"] == {
                        "anthropic_beta": ["interleaved-thinking-2025-05-14"]
                    }
                case _:
                    assert "beta" not in seen.body.decode()


async def test_the_callers_own_version_travels(to: Behind) -> None:
    await to.http.post("/v1/messages", json=ASKED)
    await to.client.messages.create(**ASKED)
    assert [call.headers["anthropic-version"] for call in to.calls] == ["2023-06-01", "2026-10-21"]
    assert all(call.headers["x-api-key"] == to.sim.credentials.key for call in to.calls)
    assert not any("authorization" in call.headers for call in to.calls), "the caller's key stays here"


# quota


async def test_an_exhausted_pack_says_what_is_left_and_when_it_refills(tmp_path: Path) -> None:
    async with behind(tmp_path, "anthropic", limits={"input": 100_000, "output": 10}) as to:
        with pytest.raises(anthropic.RateLimitError) as raised:
            await to.client.messages.create(**ASKED)
        error: Any = raised.value.body
        said = error["error"]
        assert (raised.value.error_code, said["meter"], said["limit"], said["used"]) == (
            "quota_exhausted",
            "output",
            10,
            0,
        )
        assert said["refill_at"].endswith("Z")
        assert raised.value.response.headers["x-should-retry"] == "false"
        assert to.calls == []


async def test_the_cap_is_lowered_to_what_remains(tmp_path: Path) -> None:
    async with behind(tmp_path, "anthropic", limits={"input": 100_000, "output": 60}) as to:
        await to.client.messages.create(**ASKED)
        assert to.asked["max_tokens"] == 60


# providers


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="status", status=400, message="It is not right."), anthropic.BadRequestError),
        (Fault(kind="status", status=401), anthropic.InternalServerError),
        (Fault(kind="status", status=403), anthropic.PermissionDeniedError),
        (Fault(kind="status", status=404), anthropic.NotFoundError),
        (Fault(kind="status", status=413), anthropic.ContentTooLargeError),
        (Fault(kind="status", status=429, retry_after="7"), anthropic.RateLimitError),
        (Fault(kind="status", status=500), anthropic.InternalServerError),
        (Fault(kind="status", status=503), anthropic.ServiceUnavailableError),
        (Fault(kind="status", status=529), anthropic.OverloadedError),
    ],
)
async def test_a_provider_in_trouble_is_the_right_exception(
    to: Behind, fault: Fault, error: type[anthropic.APIStatusError]
) -> None:
    to.sim.fail(fault)
    for stream in (False, True):
        with pytest.raises(error) as raised:
            await to.client.messages.create(**ASKED, stream=stream)
        assert type(raised.value) is error
        assert raised.value.error_code
        assert raised.value.request_id
        if fault.message:
            assert fault.message in str(raised.value)
        if fault.retry_after:
            assert raised.value.response.headers["retry-after"] == "7"
    assert to.gate.held() == 0


async def test_a_stream_that_breaks_ends_in_an_error_event_with_the_requests_id(to: Behind) -> None:
    to.sim.play(Rule(text="one two three four", pieces=4))
    to.sim.fail(Fault(kind="close", at="middle", after_pieces=2))
    async with to.http.stream("POST", "/v1/messages", json={**ASKED, "stream": True}) as answer:
        data = (await answer.aread()).decode()
    last = data.rstrip().split("\n\n")[-1]
    assert last.startswith("event: error\ndata: ")
    error = json.loads(last.partition("data: ")[2])
    assert (error["type"], error["error"]["code"]) == ("error", "provider_cut")
    assert error["request_id"] == answer.headers["request-id"]
    to.sim.fail(Fault(kind="close", at="middle", after_pieces=2))
    with pytest.raises(anthropic.APIStatusError):
        async with to.client.messages.stream(**ASKED) as stream:
            await stream.get_final_message()
