"""Every part of a conversation as the block that Anthropic takes."""

import json
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.anthropic.request import messages_body
from packhouse.domain.chat import ChatRequest, Message
from packhouse.domain.chat_part import (
    CachePoint,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.domain.errors import Refused

Json = dict[str, Any]
PNG = b"\x89PNG"


def block_of(part: Part) -> Json:
    request = ChatRequest(model="claude-sonnet-4-6", messages=(Message("user", (part,)),), output_tokens_max=99)
    (message,) = json.loads(messages_body(request, stream=False))["messages"]
    (block,) = message["content"]
    return block


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Image("image/png", PNG),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
        ),
        (
            Image(url="https://x.test/a.png"),
            {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
        ),
        (
            Document("application/pdf", b"%PDF", name="n", context="c", citable=True),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                "title": "n",
                "context": "c",
                "citations": {"enabled": True},
            },
        ),
        (
            Document("text/markdown", "# é".encode()),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# é"}},
        ),
        (
            Document(url="https://x.test/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}},
        ),
        (
            Document(blocks=("a", "b")),
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                },
            },
        ),
        (
            SearchResult("src", "title", ("a",), citable=True),
            {
                "type": "search_result",
                "source": "src",
                "title": "title",
                "content": [{"type": "text", "text": "a"}],
                "citations": {"enabled": True},
            },
        ),
        (Thinking("hm", "sig"), {"type": "thinking", "thinking": "hm", "signature": "sig"}),
        (Thinking("", "sig"), {"type": "thinking", "thinking": "", "signature": "sig"}),
        (Thinking("", redacted="xx"), {"type": "redacted_thinking", "data": "xx"}),
        (ToolUse("t", "f", ""), {"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        (ToolResult("t", (), is_error=True), {"type": "tool_result", "tool_use_id": "t", "is_error": True}),
        (Foreign("anthropic", "x", msgspec.Raw(b'{"type":"x","y":1}')), {"type": "x", "y": 1}),
    ],
)
def test_every_part_has_its_block(part: Part, block: Json) -> None:
    assert block_of(part) == block


def test_results_of_tools_hold_all_that_they_may() -> None:
    result = ToolResult("t", (Text("a"), Text(""), Image("image/png", PNG), Document(blocks=("b",)), CachePoint()))
    assert [(each["type"], each.get("cache_control")) for each in block_of(result)["content"]] == [
        ("text", None),
        ("image", None),
        ("document", {"type": "ephemeral"}),
    ]


@pytest.mark.parametrize(
    ("citation", "wire"),
    [
        (
            Citation(kind="characters", cited_text="c", title="t", document=1, start=2, end=3),
            {
                "type": "char_location",
                "document_index": 1,
                "document_title": "t",
                "start_char_index": 2,
                "end_char_index": 3,
            },
        ),
        (
            Citation(kind="pages", cited_text="c", start=2, end=3),
            {
                "type": "page_location",
                "document_index": 0,
                "document_title": None,
                "start_page_number": 2,
                "end_page_number": 3,
            },
        ),
        (
            Citation(kind="blocks", cited_text="c", end=3),
            {
                "type": "content_block_location",
                "document_index": 0,
                "document_title": None,
                "start_block_index": 0,
                "end_block_index": 3,
            },
        ),
        (
            Citation(kind="search_result", cited_text="c", source="s", title="t", document=4, end=1),
            {
                "type": "search_result_location",
                "search_result_index": 4,
                "source": "s",
                "title": "t",
                "start_block_index": 0,
                "end_block_index": 1,
            },
        ),
        (
            Citation(kind="web", cited_text="c", source="https://x.test", title="t", mark="m"),
            {"type": "web_search_result_location", "url": "https://x.test", "title": "t", "encrypted_index": "m"},
        ),
    ],
)
def test_citations_go_back_as_they_came(citation: Citation, wire: Json) -> None:
    assert block_of(Text("said", (citation,)))["citations"] == [wire | {"cited_text": "c"}]


@pytest.mark.parametrize(
    ("image", "media_type"),
    [
        (Image("image/bmp", PNG), "image/png"),
        (Image("image/png", b"\xff\xd8\xff\xe0"), "image/jpeg"),
        (Image("", b"GIF89a"), "image/gif"),
        (Image("image/png", b"RIFF\0\0\0\0WEBPVP8 "), "image/webp"),
        (Image("IMAGE/JPG; x=1", b"x"), "image/jpeg"),
    ],
)
def test_a_picture_goes_as_what_its_bytes_are(image: Image, media_type: str) -> None:
    assert block_of(image)["source"]["media_type"] == media_type


@pytest.mark.parametrize("media_type", ["image/bmp", "image/svg+xml", "text/plain", ""])
def test_a_picture_that_anthropic_does_not_take_is_refused_with_those_that_it_takes(media_type: str) -> None:
    with pytest.raises(Refused, match="image/png, image/jpeg, image/gif, image/webp") as caught:
        block_of(Image(media_type, b"BM"))
    assert caught.value.code == "unsupported"
