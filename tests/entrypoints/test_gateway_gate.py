"""Every route of the gateway, from the one table: it wants a key, and where it spends it passes the gate."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from packhouse.entrypoints.gateway.routes import ROUTES, RouteRow
from tests.support.gateway import Gateway, gateway
from tests.support.installation import ANCHOR
from tests.support.upstream import upstream

pytestmark = pytest.mark.anyio

HELLO: Any = [{"role": "user", "content": "Hello"}]
BODIES: dict[str, Any] = {
    "chat": {"messages": HELLO},
    "messages": {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 10},
    "embeddings": {"input": "a text"},
    "embed": {"texts": ["a text"], "input_type": "search_query"},
    "embed_v1": {"texts": ["a text"]},
    "insert": {"chunks": [{"text": "a text"}]},
    "search": {"text": "a text"},
}


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncGenerator[tuple[Gateway, list[dict[str, Any]]]]:
    """A gateway whose packs have no quota at all, and what its upstream server has seen."""
    with upstream() as (url, seen):
        async with gateway(tmp_path, url, limits={"input": 0, "output": 0}) as running:
            running.installation.limit("res_embed", "input", 0, ANCHOR)
            yield running, seen


async def ask(running: Gateway, row: RouteRow, *, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    path = row.pattern.replace("{collection}", "default").replace("{document}", "doc_1").replace("{model}", "m")
    async with httpx.AsyncClient(base_url=running.base_url.removesuffix("/v1"), headers=headers) as http:
        return await http.request(row.method, path, json=BODIES.get(row.name))


def code_of(answer: httpx.Response) -> str:
    """Cohere's dialect has it at the top, the others in `error`."""
    body = answer.json()
    return body.get("error", body)["code"]


@pytest.mark.parametrize("row", [row for row in ROUTES if row.key], ids=lambda row: row.name)
async def test_a_route_without_a_key_is_refused(empty: tuple[Gateway, Any], row: RouteRow) -> None:
    answer = await ask(empty[0], row, key=None)
    assert answer.status_code == 401
    assert code_of(answer) == "key_missing"


@pytest.mark.parametrize("row", [row for row in ROUTES if row.spends != "nothing"], ids=lambda row: row.name)
async def test_a_route_that_spends_is_refused_without_quota(empty: tuple[Gateway, Any], row: RouteRow) -> None:
    running, seen = empty
    answer = await ask(running, row, key=running.keys["all"])
    assert answer.status_code == 429, answer.text
    assert code_of(answer) == "quota_exhausted"
    assert seen == []
    assert await running.usage() == []


@pytest.mark.parametrize("row", [row for row in ROUTES if row.spends == "nothing"], ids=lambda row: row.name)
async def test_a_route_that_spends_nothing_works_without_quota(empty: tuple[Gateway, Any], row: RouteRow) -> None:
    running, _ = empty
    answer = await ask(running, row, key=running.keys["all"])
    assert answer.status_code < 500
    assert answer.status_code not in {401, 429}
    assert await running.usage() == []


async def test_keyword_search_goes_on_without_quota(empty: tuple[Gateway, Any]) -> None:
    running, _ = empty
    headers = {"authorization": f"Bearer {running.keys['all']}"}
    async with httpx.AsyncClient(base_url=running.base_url, headers=headers, timeout=60) as http:
        answer = await http.post("/knowledge/search", json={"text": "a text", "mode": "keyword"})
    assert answer.json() == {"results": [], "usage": {"input_tokens": 0}}
