"""What a body may cost is held before it is asked: never less than any provider reported, and no more than it must."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.estimate import (
    PAGES_MAX,
    TOKENS_PER_IMAGE,
    TOKENS_PER_KNOWN_TOOL,
    TOKENS_PER_PAGE,
    TOKENS_PER_STEP,
    TOKENS_WITH_TOOLS,
    USES_MAX,
    input_bound,
)
from packhouse.entrypoints.gateway.anthropic.bound import body_bound
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from tests.support.anthropic_recordings import Json, input_of, recorded

SEARCH: Json = {"type": "web_search_20250305", "name": "web_search"}
PDF = base64.b64encode(b"%PDF-1.4 /Type /Page /Type /Page " + b"x" * 30_000).decode()
PNG = base64.b64encode(b"\x89PNG" + b"x" * 30_000).decode()


def asked(*blocks: Json, **more: Any) -> bytes:
    content = [{"type": "text", "text": "Hello"}, *blocks]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    return json.dumps(body | more, separators=(",", ":")).encode()


def bounds(body: bytes) -> tuple[int, int]:
    """Of the body as it is, and of what is read from it."""
    return body_bound(body), input_bound(read_messages(body))


@pytest.mark.needs("recordings")
def test_no_recorded_call_reported_more_than_it_was_held_at() -> None:
    compared = 0
    for streamed in (False, True):
        for exchange in recorded("/v1/messages", streamed=streamed):
            body = json.dumps(exchange["request"], separators=(",", ":"), ensure_ascii=False).encode()
            assert min(bounds(body)) >= input_of(exchange), exchange["id"]
            compared += 1
    assert compared == 195


@pytest.mark.needs("recordings")
def test_no_recorded_count_is_more_than_its_bound() -> None:
    for exchange in recorded("/v1/messages/count_tokens"):
        body = json.dumps(exchange["request"], separators=(",", ":")).encode()
        assert min(bounds(body)) >= exchange["response"]["json"]["input_tokens"]


@pytest.mark.needs("recordings")
def test_a_call_without_tools_of_the_providers_is_not_held_at_much_more_than_its_bytes() -> None:
    """A hold that is far too large would refuse calls that a pack covers."""
    for exchange in recorded("/v1/messages"):
        request = exchange["request"]
        body = json.dumps(request, separators=(",", ":")).encode()
        plain = not any(kind in body for kind in (b'"image"', b'"document"', b"mcp_servers", b"_20"))
        if plain:
            assert max(bounds(body)) <= 2 * len(body) + 2_000, exchange["id"]


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ({"type": "base64", "media_type": "application/pdf", "data": PDF}, 2 * TOKENS_PER_PAGE),
        ({"type": "url", "url": "https://x.test/a.pdf"}, PAGES_MAX * TOKENS_PER_PAGE),
        ({"type": "file", "file_id": "file_1"}, PAGES_MAX * TOKENS_PER_PAGE),
        ({"type": "text", "media_type": "text/plain", "data": "y" * 5_000}, 5_000),
        ({"type": "content", "content": "y" * 5_000}, 5_000),
    ],
)
def test_documents_count_by_their_pages(source: Json, tokens: int) -> None:
    for bound in bounds(asked({"type": "document", "source": source})):
        assert tokens <= bound <= tokens + 1_500


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "image/png", "data": PNG},
        {"type": "url", "url": "https://x.test/a.png"},
        {"type": "file", "file_id": "file_1"},
    ],
)
def test_an_image_counts_the_same_however_large_its_file(source: Json) -> None:
    for bound in bounds(asked({"type": "image", "source": source})):
        assert TOKENS_PER_IMAGE <= bound <= TOKENS_PER_IMAGE + 1_500


def test_what_a_tool_answered_with_counts_like_what_is_said() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image, image]}
    for bound in bounds(asked(result)):
        assert 2 * TOKENS_PER_IMAGE <= bound <= 2 * TOKENS_PER_IMAGE + 1_500


IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
OF_IMAGES: Json = {"type": "document", "source": {"type": "content", "content": [IMAGE, IMAGE]}}
FETCHED: Json = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}


@pytest.mark.parametrize(
    ("block", "tokens"),
    [
        (OF_IMAGES, 2 * TOKENS_PER_IMAGE),
        ({"type": "tool_result", "tool_use_id": "t", "content": [OF_IMAGES, IMAGE]}, 3 * TOKENS_PER_IMAGE),
        ({"type": "tool_result", "tool_use_id": "t", "toolset_name": "x", "content": [IMAGE]}, TOKENS_PER_IMAGE),
        ({"type": "document", "source": {"type": "s3", "uri": "s3://x/a.pdf"}}, PAGES_MAX * TOKENS_PER_PAGE),
        (
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "t",
                "content": {"type": "web_fetch_result", "url": "https://x.test", "content": FETCHED},
            },
            2 * TOKENS_PER_PAGE,
        ),
        (
            {"type": "web_fetch_tool_result", "content": {"type": "web_fetch_result", "content": OF_IMAGES}},
            2 * TOKENS_PER_IMAGE,
        ),
    ],
)
def test_images_and_files_count_wherever_a_provider_takes_them(block: Json, tokens: int) -> None:
    for bound in bounds(asked(block)):
        assert tokens <= bound <= tokens + 1_500


def test_what_only_looks_like_an_image_counts_by_its_bytes() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "y" * 50_000}}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": image}
    message = {"role": "assistant", "content": [use]}
    for bound in bounds(asked(messages=[message])):
        assert bound >= 50_000


def test_blocks_deeper_than_any_provider_takes_are_not_followed() -> None:
    """A body that nests without end would be read again at each step."""
    block = IMAGE | {"source": {"type": "url", "url": "https://x.test/a.png"}}
    for _ in range(400):
        block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    body = asked(block)
    assert len(body) <= body_bound(body) < len(body) + TOKENS_PER_IMAGE


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"tools": [SEARCH]}, (USES_MAX + 1) * TOKENS_PER_STEP),
        ({"tools": [SEARCH | {"max_uses": 2}]}, 3 * TOKENS_PER_STEP),
        (
            {"tools": [SEARCH | {"max_uses": 2}, {**SEARCH, "type": "web_fetch_20260209", "max_uses": 1}]},
            4 * TOKENS_PER_STEP,
        ),
        ({"tools": [SEARCH | {"max_uses": 99}]}, (USES_MAX + 1) * TOKENS_PER_STEP),
        ({"tools": [{"type": "code_execution_20260120", "name": "x"}]}, (USES_MAX + 1) * TOKENS_PER_STEP),
        ({"mcp_servers": [{"type": "url", "url": "https://x.test", "name": "x"}]}, (USES_MAX + 1) * TOKENS_PER_STEP),
    ],
)
def test_what_a_provider_runs_is_read_again_after_each_use(more: Json, tokens: int) -> None:
    assert bounds(asked(**more)) == (tokens, tokens)
    long = asked({"type": "text", "text": "y" * 200_000}, **more)
    assert min(bounds(long)) >= tokens // TOKENS_PER_STEP * 200_000


def test_a_search_of_the_callers_own_tools_brings_in_nothing_new() -> None:
    deferred = {"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}
    searching = {"type": "tool_search_tool_bm25_20251119", "name": "tool_search"}
    once = bounds(asked(tools=[deferred]))
    assert max(once) < 3_000
    assert all(once[0] < bound < 40_000 for bound in bounds(asked(tools=[searching, deferred])))


@pytest.mark.parametrize("kind", ["bash_20250124", "text_editor_20250728", "computer_20250124", "memory_20250818"])
def test_known_tools_that_the_caller_runs_are_used_but_not_run_by_the_provider(kind: str) -> None:
    for bound in bounds(asked(tools=[{"type": kind, "name": "x"}])):
        assert TOKENS_PER_KNOWN_TOOL + TOKENS_WITH_TOOLS <= bound <= TOKENS_PER_KNOWN_TOOL + TOKENS_WITH_TOOLS + 2_000


def test_what_is_written_in_escapes_counts_like_what_is_not() -> None:
    for more in ({"tools": [SEARCH]}, {"mcp_servers": [{"name": "x"}]}):
        body = asked(**more)
        escaped = body.replace(b'"web_search_2', b'"web_search\\u005f\\u0032').replace(b'"mcp_', b'"mcp\\u005f')
        assert escaped != body
        assert body_bound(escaped) == body_bound(body)
    image = asked({"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}})
    assert body_bound(image.replace(b'"image"', b'"im\\u0061ge"')) >= TOKENS_PER_IMAGE


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages": 1, "x": "image"}',
        b'{"messages": [{"content": [1, "image"]}]}',
        b'{"messages": [{"content": [{"type": "image", "source": 3}]}], "tools": ["_20"]}',
        b'{"messages": [{"content": [{"type": "tool_result", "content": [{"type": "document", "source": null}]}]}]}',
        b'{"messages": [{"content": "image"}], "mcp_servers": {"a": "image"}}',
        asked({"type": "document", "source": {"type": "base64", "data": "%%%"}}),
        b'{"messages": [], "x": "image", "y": ' + b"[" * 100_000,
    ],
)
def test_what_is_not_as_we_know_it_counts_by_its_bytes_at_least(body: bytes) -> None:
    assert body_bound(body) >= len(body)


@given(st.text(max_size=300), st.integers(0, 3))
def test_a_text_is_held_at_its_bytes_at_least(text: str, turns: int) -> None:
    messages = [{"role": role, "content": "x" + text} for _ in range(turns) for role in ("user", "assistant")]
    body = json.dumps({"max_tokens": 9, "messages": [*messages, {"role": "user", "content": "x" + text}]}).encode()
    assert min(bounds(body)) >= (2 * turns + 1) * len(text.encode())
