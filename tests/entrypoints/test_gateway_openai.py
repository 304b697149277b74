"""The unmodified `openai` client through the gateway: answers, streams, embeddings, and every refusal."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from packhouse.domain.key import write_key
from tests.support.gateway import Gateway, gateway
from tests.support.upstream import USAGE, upstream

pytestmark = pytest.mark.anyio

HELLO: Any = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
def up() -> Generator[tuple[str, list[dict[str, Any]]]]:
    with upstream() as server:
        yield server


@pytest.fixture
async def gate(tmp_path: Path, up: tuple[str, list[dict[str, Any]]]) -> AsyncGenerator[Gateway]:
    async with gateway(tmp_path, up[0]) as running:
        yield running


async def test_an_answer_comes_back_and_is_booked_to_the_token(gate: Gateway, up: Any) -> None:
    answer = await gate.client().chat.completions.create(model="default", messages=HELLO)
    assert answer.choices[0].message.content == "echo Hello there"
    assert answer.usage is not None
    assert answer.usage.total_tokens == USAGE["total_tokens"]
    assert up[1][0]["model"] == "m"
    assert up[1][0]["max_tokens"] == 4096
    assert await gate.usage() == [(9, 3, "reported", "ok")]
    assert gate.held() == 0


async def test_what_the_caller_asked_for_travels_unchanged(gate: Gateway, up: Any) -> None:
    await gate.client().chat.completions.create(
        model="default", messages=HELLO, max_completion_tokens=77, seed=5, extra_body={"vendor_option": {"a": [1, 2]}}
    )
    sent = up[1][0]
    assert (sent["max_completion_tokens"], sent["seed"], sent["vendor_option"]) == (77, 5, {"a": [1, 2]})
    assert "max_tokens" not in sent


@pytest.mark.parametrize("include", [True, False])
async def test_a_stream_comes_piece_by_piece_with_usage_only_where_asked(gate: Gateway, include: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include else {}
    stream = await gate.client().chat.completions.create(model="default", messages=HELLO, stream=True, **options)
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.strip() == "echo Hello there"
    usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
    assert [usage.total_tokens for usage in usages] == ([12] if include else [])
    assert await gate.usage() == [(9, 3, "reported", "ok")]


async def test_a_provider_that_reports_nothing_is_booked_at_an_estimate(gate: Gateway) -> None:
    await gate.client().chat.completions.create(model="default", messages=[{"role": "user", "content": "SILENT"}])
    ((input_tokens, output_tokens, source, _),) = await gate.usage()
    assert source == "estimated"
    assert isinstance(input_tokens, int)
    assert isinstance(output_tokens, int)
    assert 0 < input_tokens < 1_000
    assert 0 < output_tokens <= 4096


async def test_a_client_that_leaves_in_mid_stream_is_booked_and_nothing_stays_held(gate: Gateway) -> None:
    words = "word " * 2_000
    stream = await gate.client().chat.completions.create(
        model="default", messages=[{"role": "user", "content": words}], stream=True, max_tokens=9_000
    )
    async for _ in stream:
        break
    await stream.close()
    for _ in range(100):
        if gate.held() == 0:
            break
        await asyncio.sleep(0.05)
    assert gate.held() == 0
    ((_, output_tokens, _, _),) = await gate.usage()
    assert isinstance(output_tokens, int)
    assert output_tokens <= 9_000


@pytest.mark.parametrize(
    ("trouble", "error", "code", "source"),
    [
        ("STATUS 400", openai.BadRequestError, "provider_refused", "reported"),
        ("STATUS 401", openai.InternalServerError, "provider_refused", "reported"),
        ("STATUS 403", openai.PermissionDeniedError, "provider_refused", "reported"),
        ("STATUS 404", openai.NotFoundError, "provider_refused", "reported"),
        ("STATUS 429", openai.RateLimitError, "provider_throttled", "reported"),
        ("STATUS 500", openai.InternalServerError, "provider_failed", "reported"),
        ("GARBAGE", openai.InternalServerError, "provider_malformed", "estimated"),
        ("CUT", openai.InternalServerError, "provider_cut", "estimated"),
    ],
)
async def test_a_provider_in_trouble_is_the_right_exception(
    gate: Gateway, trouble: str, error: type[openai.APIStatusError], code: str, source: str
) -> None:
    with pytest.raises(error) as raised:
        await gate.client().chat.completions.create(model="default", messages=[{"role": "user", "content": trouble}])
    assert raised.value.code == code
    assert gate.held() == 0
    ((_, _, booked, outcome),) = await gate.usage()
    assert (booked, outcome) == (source, "failed")


async def test_a_stream_that_is_cut_ends_in_an_error_not_in_silence(gate: Gateway) -> None:
    stream = await gate.client().chat.completions.create(
        model="default", messages=[{"role": "user", "content": "CUT"}], stream=True
    )
    with pytest.raises(openai.APIError) as raised:
        async for _ in stream:
            pass
    assert raised.value.code == "provider_cut"
    assert gate.held() == 0


async def test_an_exhausted_pack_says_what_is_left_and_when_it_refills(tmp_path: Path, up: Any) -> None:
    async with gateway(tmp_path, up[0], limits={"input": 100_000, "output": 10}) as gate:
        with pytest.raises(openai.RateLimitError) as raised:
            await gate.client().chat.completions.create(model="default", messages=HELLO)
        body: Any = raised.value.body
        assert (raised.value.code, body["meter"], body["limit"], body["used"]) == ("quota_exhausted", "output", 10, 0)
        assert body["refill_at"].endswith("Z")
        assert up[1] == [], "a call that does not fit never reaches the provider"
        assert raised.value.response.headers["x-should-retry"] == "false"


async def test_the_cap_is_lowered_to_what_remains(tmp_path: Path, up: Any) -> None:
    async with gateway(tmp_path, up[0], limits={"input": 100_000, "output": 100}) as gate:
        await gate.client().chat.completions.create(model="default", messages=HELLO, max_tokens=5_000)
        assert up[1][0]["max_tokens"] == 100


@pytest.mark.parametrize(
    ("key", "error", "code"),
    [
        ("no key at all", openai.AuthenticationError, "key_malformed"),
        (write_key("x" * 12, "y" * 32), openai.AuthenticationError, "key_unknown"),
        (write_key("texttexttext", "s" * 32)[:-1] + "!", openai.AuthenticationError, "key_malformed"),
        ("embeddings", openai.PermissionDeniedError, "key_wrong_type"),
    ],
)
async def test_a_key_that_does_not_open_says_why(
    gate: Gateway, key: str, error: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(error) as raised:
        await gate.client(key).chat.completions.create(model="default", messages=HELLO)
    assert raised.value.code == code


async def test_a_revoked_key_stops_within_a_second(gate: Gateway) -> None:
    await gate.client().chat.completions.create(model="default", messages=HELLO)
    gate.installation.sql("UPDATE api_key SET revoked_at = 1 WHERE id = 'key_text'")
    gate.installation.changed()
    await asyncio.sleep(1)
    with pytest.raises(openai.AuthenticationError) as raised:
        await gate.client().chat.completions.create(model="default", messages=HELLO)
    assert raised.value.code == "key_revoked"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"model": "gpt-none"}, "model_unknown", None),
        ({"messages": []}, "invalid_request", "messages"),
        ({"n": 3}, "unsupported", "n"),
        ({"max_tokens": 0}, "invalid_request", "max_tokens"),
        ({"max_tokens": 10_000_000}, "invalid_request", "max_tokens"),
        ({"packhouse": {"knowlege": []}}, "invalid_request", None),
    ],
)
async def test_a_wrong_request_names_the_field(gate: Gateway, change: Any, code: str, field: str | None) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {gate.keys['text']}"}) as http:
        answer = await http.post(f"{gate.base_url}/chat/completions", json={"messages": HELLO, **change})
    assert 400 <= answer.status_code < 500
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, field)
    assert answer.headers["x-request-id"]


async def test_malformed_json_says_where(gate: Gateway) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {gate.keys['text']}"}) as http:
        answer = await http.post(f"{gate.base_url}/chat/completions", content=b'{"messages": [')
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "malformed_json"


async def test_a_connection_string_is_a_key(gate: Gateway) -> None:
    key = f"{gate.keys['text']}@https://genai.example.com"
    models = await gate.client(key).models.list()
    assert [model.id for model in models.data] == ["upstream-openai"]


@pytest.mark.needs("embeddings")
async def test_embeddings_come_as_floats_and_base64_alike(gate: Gateway) -> None:
    short = await gate.client("embeddings").embeddings.create(model="default", input="a harbour at night")
    both = await gate.client("all").embeddings.create(
        model="local-embeddings", input=["a harbour at night", "bread"], encoding_format="float"
    )
    assert len(short.data[0].embedding) == 512
    assert short.data[0].embedding == pytest.approx(both.data[0].embedding, abs=1e-6)
    assert [each.index for each in both.data] == [0, 1]
    usage = await gate.usage()
    assert [row[0] for row in usage] == [short.usage.prompt_tokens, both.usage.prompt_tokens]
    assert all(row[2] == "reported" for row in usage)


@pytest.mark.parametrize("wrong", ["", [], [[1, -2]], ["ok", ""], ["x"] * 2_049])
async def test_embeddings_refuse_what_they_cannot_take(gate: Gateway, wrong: Any) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {gate.keys['embeddings']}"}) as http:
        answer = await http.post(f"{gate.base_url}/embeddings", json={"input": wrong, "model": "default"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == "input"


async def test_an_old_connector_is_told_what_to_install(tmp_path: Path, up: Any) -> None:
    async with gateway(tmp_path, up[0], oldest="1.4.0") as gate, httpx.AsyncClient() as http:
        url = f"{gate.base_url}/models"
        headers = {"authorization": f"Bearer {gate.keys['text']}"}
        old = await http.get(url, headers=headers | {"x-packhouse-connector": "python/1.3.9"})
        assert old.status_code == 426
        assert "1.4.0" in old.json()["error"]["message"]
        assert (await http.get(url, headers=headers | {"x-packhouse-connector": "python/1.4.0"})).status_code == 200


async def test_a_model_with_tools_may_answer_without_looking_up(gate: Gateway, up: Any) -> None:
    """The upstream model is offered the knowledge base as a tool; it answers without using it."""
    answer = await gate.client("all").chat.completions.create(
        model="default", messages=HELLO, extra_body={"packhouse": {"knowledge": [{"collection": "default"}]}}
    )
    sent = up[1][0]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["search_knowledge"]
    assert json.loads(answer.model_dump_json())["packhouse"] == {
        "references": [],
        "usage": {"embeddings": {"input_tokens": 0}},
    }


@pytest.mark.needs("embeddings")
async def test_a_model_with_tools_looks_up_and_cites(gate: Gateway, up: Any) -> None:
    headers = {"authorization": f"Bearer {gate.keys['all']}"}
    chunk = {
        "id": "buoy-7",
        "text": "Buoy seven is green.",
        "metadata": {"title": "Buoys", "sourceUrl": "https://b.example"},
    }
    async with httpx.AsyncClient(base_url=gate.base_url, headers=headers, timeout=60) as http:
        assert (await http.post("/knowledge/collections/default/chunks", json={"chunks": [chunk]})).status_code == 200
    answer = await gate.client("all").chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": "LOOK UP buoy seven"}],
        extra_body={"packhouse": {"knowledge": [{"collection": "default"}]}},
    )
    told = up[1][1]["messages"][-1]
    assert (told["role"], told["tool_call_id"]) == ("tool", "call_1")
    assert "Buoy seven is green." in (answer.choices[0].message.content or "")
    (reference,) = json.loads(answer.model_dump_json())["packhouse"]["references"]
    assert (reference["chunk_id"], reference["title"], reference["source"]) == ("buoy-7", "Buoys", "https://b.example")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 2 * USAGE["total_tokens"], "both rounds are the answer's"
    assert [row[:2] for row in await gate.usage()].count((9, 3)) == 2
