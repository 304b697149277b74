"""Which dialect a request speaks, so that its client can read a refusal."""

from pathlib import Path

import httpx
import pytest

from packhouse.domain.chat_part import Dialect
from packhouse.entrypoints.gateway.dialects import dialect_of
from packhouse.entrypoints.gateway.http import Request
from tests.support.gateway import gateway


@pytest.mark.parametrize(
    ("path", "plain", "versioned"),
    [
        ("/v1/messages", "anthropic", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic", "anthropic"),
        ("/v1/messages/batches", "anthropic", "anthropic"),
        ("/v1/models", "openai", "anthropic"),
        ("/v1/models/m", "openai", "anthropic"),
        ("/v1/files", "openai", "anthropic"),
        ("/v1/chat/completions", "openai", "openai"),
        ("/v1/embeddings", "openai", "openai"),
        ("/v2/embed", "cohere", "cohere"),
        ("/v1/embed", "cohere", "cohere"),
        ("/v2/chat", "cohere", "cohere"),
        ("/v1/rerank", "cohere", "cohere"),
        ("/v1/knowledge", "openai", "anthropic"),
        ("", "openai", "anthropic"),
    ],
)
def test_the_path_says_it_and_else_the_header(path: str, plain: Dialect, versioned: Dialect) -> None:
    for headers, dialect in (({}, plain), ({"anthropic-version": "2026-10-21"}, versioned)):
        assert dialect_of(Request("GET", path, "", headers, b"", "req_1")) == dialect


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/messages", ["error", "type"]),
        ("/v1/messages?beta=true", ["error", "type"]),
        ("/v2/embed", ["id"]),
        ("/v1/chat/completions", ["error", "code"]),
    ],
)
async def test_what_could_not_be_read_is_refused_in_the_dialect_of_its_path(
    tmp_path: Path, path: str, place: list[str]
) -> None:
    async with gateway(tmp_path, "http://127.0.0.1:9/v1") as running:
        url = f"{running.base_url.removesuffix('/v1')}{path}"
        async with httpx.AsyncClient() as client:
            answer = await client.post(url, headers={"content-encoding": "gzip"}, content=b"x")
    assert answer.status_code == (400 if path == "/v2/embed" else 415)
    assert answer.headers["x-request-id"]
    said = answer.json()
    for name in place:
        said = said[name]
    assert isinstance(said, str)
    assert ("request-id" in answer.headers) is path.startswith("/v1/messages")
