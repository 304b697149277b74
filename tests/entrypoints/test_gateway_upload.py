"""Uploads: the file is the body, its name and metadata stand in headers, or, for what is no secret, in the query."""

from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.support.gateway import Gateway, gateway
from tests.support.upstream import upstream

pytestmark = pytest.mark.anyio

NAME = "Kündigung 100%.md"


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncGenerator[Gateway]:
    with upstream() as (url, _):
        async with gateway(tmp_path, url) as running:
            yield running


async def upload(
    gate: Gateway, data: bytes, headers: dict[str, str] | None = None, *, query: dict[str, str] | None = None
) -> httpx.Response:
    named = {f"x-packhouse-{name}": value for name, value in (headers or {}).items()}
    async with httpx.AsyncClient() as http:
        return await http.post(
            f"{gate.base_url}/knowledge/collections/default/documents",
            params=query,
            content=data,
            headers={"authorization": f"Bearer {gate.keys['all']}", **named},
        )


async def test_name_and_metadata_come_in_headers(gate: Gateway) -> None:
    answer = await upload(gate, b"text", {"file-name": quote(NAME), "metadata": quote('{"straße": ["a", "b"]}')})
    assert answer.status_code == 202
    document = answer.json()["document"]
    assert (document["name"], document["metadata"]) == (NAME, {"straße": ["a", "b"]})
    plain = await upload(gate, b"other", {"file-name": "plain.txt", "metadata": '{"lang":"en"}'})
    assert (plain.json()["document"]["name"], plain.json()["document"]["metadata"]) == ("plain.txt", {"lang": ["en"]})


async def test_they_come_in_the_query_too(gate: Gateway) -> None:
    answer = await upload(gate, b"text", query={"name": NAME, "metadata": '{"lang":"en"}'})
    assert (answer.status_code, answer.json()["document"]["name"]) == (202, NAME)
    assert answer.json()["document"]["metadata"] == {"lang": ["en"]}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "x-packhouse-file-name"),
        ({"file-name": "a%ff.txt"}, "percent-encoded"),
        ({"file-name": "a.txt", "metadata": "[1]"}, "x-packhouse-metadata"),
        ({"file-name": "a.txt", "metadata": "{"}, "x-packhouse-metadata"),
        ({"file-name": "x" * 256}, "1 to 255"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(gate: Gateway, headers: dict[str, str], said: str) -> None:
    answer = await upload(gate, b"text", headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert said in answer.json()["error"]["message"]
