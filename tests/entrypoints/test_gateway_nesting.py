"""JSON that is nested beyond what can be decoded is the caller's mistake, on every route that takes a body."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from packhouse.entrypoints.gateway.routes import ROUTES, RouteRow
from tests.support.gateway import Gateway, gateway
from tests.support.upstream import upstream

pytestmark = pytest.mark.anyio

TAKING_JSON = [row for row in ROUTES if row.method == "POST" and row.name != "upload"]


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncGenerator[Gateway]:
    with upstream() as (url, _):
        async with gateway(tmp_path, url) as running:
            yield running


def nested(fields: bytes, depth: int) -> bytes:
    """An object with these fields, and one more that is nested."""
    return b"{" + fields + b'"x":' + b'{"x":[' * depth + b"1" + b"]}" * depth + b"}"


async def sent(gate: Gateway, path: str, body: bytes) -> httpx.Response:
    headers = {"authorization": f"Bearer {gate.keys['all']}", "anthropic-version": "2023-06-01"}
    async with httpx.AsyncClient(headers=headers) as http:
        return await http.post(gate.base_url.removesuffix("/v1") + path, content=body)


@pytest.mark.parametrize("row", TAKING_JSON, ids=lambda row: row.name)
async def test_json_nested_too_deeply_is_the_callers_mistake(gate: Gateway, row: RouteRow) -> None:
    path = row.pattern.replace("{collection}", "default")
    answer = await sent(gate, path, nested(b"", 100_000))
    assert answer.status_code == 400
    assert "nested too deeply" in answer.text or "unknown field" in answer.text


async def test_the_deepest_that_is_decoded_is_answered_like_any_other(gate: Gateway) -> None:
    """On its way on it is not decoded again from a deeper place than before."""
    chat = b'"model":"default","messages":[{"role":"user","content":"hi"}],'
    statuses = set[int]()
    for depth in (100, 300, 400, 440, 460, 480, 490, 500):
        statuses.add((await sent(gate, "/v1/chat/completions", nested(chat, depth))).status_code)
    assert statuses <= {200, 400}
    for depth, code in ((400, "filter_invalid"), (100_000, "malformed_json")):
        answer = await sent(gate, "/v1/knowledge/search", b'{"text":"x","filter":' + nested(b"", depth) + b"}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_nested_parameters_are_the_callers_mistake_too(gate: Gateway) -> None:
    deep = "[" * 5_000
    url = f"{gate.base_url}/knowledge/collections/default"
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {gate.keys['all']}"}) as http:
        named = {"x-packhouse-file-name": "a.txt", "x-packhouse-metadata": deep}
        answers = [
            await http.post(f"{url}/documents", content=b"x", headers=named),
            await http.get(f"{url}/chunks", params={"filter": deep}),
        ]
    assert [answer.status_code for answer in answers] == [400, 400]
