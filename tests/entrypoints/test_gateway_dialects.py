"""Which dialect a request speaks, so that its client can read a refusal."""

import pytest

from packhouse.domain.chat_part import Dialect
from packhouse.entrypoints.gateway.dialects import dialect_of
from packhouse.entrypoints.gateway.http import Request


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
