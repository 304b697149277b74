"""The parts that messages and answers are made of: what any dialect can say, in words of our own."""

from typing import Literal

import msgspec

from packhouse.domain.content import Content

Dialect = Literal["openai", "anthropic", "cohere", "bedrock"]


class Citation(Content, frozen=True, kw_only=True):
    """Where a text has what it says from.

    `kind` tells which places count: characters, pages or blocks `start` (included) to `end` (excluded) of document
    number `document` of the request; the same blocks of a search result; or a web page, whose `mark` its provider
    wants back. `source` is a URL or what the caller named the source.
    """

    kind: Literal["characters", "pages", "blocks", "search_result", "web"]
    cited_text: str = ""
    title: str = ""
    source: str = ""
    document: int = 0
    start: int = 0
    end: int = 0
    mark: str = ""


class Text(Content, frozen=True, tag="text"):
    text: str
    citations: tuple[Citation, ...] = ()


class Image(Content, frozen=True, tag="image"):
    """An image by value (`data`, the decoded bytes, with `media_type`) or by `url` (`https:`, `s3:`)."""

    media_type: str = ""
    data: bytes = b""
    url: str = ""
    detail: str = ""


class Document(Content, frozen=True, tag="document"):
    """A file by value (`data`, the decoded bytes), by `url`, or given as `blocks` of text.

    `name` is its title, `context` what is said of it to the model and never cited; `citable`: the answer may cite it.
    """

    media_type: str = ""
    data: bytes = b""
    url: str = ""
    name: str = ""
    blocks: tuple[str, ...] = ()
    context: str = ""
    citable: bool = False


class SearchResult(Content, frozen=True, tag="search_result"):
    """A passage that was found, for the model to answer from: `blocks` of text with their `source` and `title`."""

    source: str
    title: str
    blocks: tuple[str, ...]
    citable: bool = False


class Thinking(Content, frozen=True, tag="thinking"):
    """What a model thought before it answered; `signature` lets its provider take it back. `redacted` (base64) is
    thought that only its provider can read; then `text` is empty."""

    text: str
    signature: str = ""
    redacted: str = ""


class ToolUse(Content, frozen=True, tag="tool_use"):
    """The model's wish to call a tool; `arguments` is the JSON text of an object, as the model wrote it."""

    id: str
    name: str
    arguments: str


class CachePoint(Content, frozen=True, tag="cache_point"):
    """The provider may keep what comes before, for `ttl` (`5m`, `1h`; empty: its default)."""

    ttl: str = ""


class Foreign(Content, frozen=True, tag="foreign"):
    """A part that one dialect alone knows, whole, as its JSON. It is written in that dialect and in no other."""

    dialect: Dialect
    kind: str
    json: msgspec.Raw


class ToolResult(Content, frozen=True, tag="tool_result"):
    """What a tool came to; its `parts` are texts, images, documents, search results or foreign ones."""

    tool_use_id: str
    parts: "tuple[Text | Image | Document | SearchResult | CachePoint | Foreign, ...]"
    is_error: bool = False

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


Part = Text | Image | Document | SearchResult | Thinking | ToolUse | ToolResult | CachePoint | Foreign


def text_result(tool_use_id: str, text: str, *, is_error: bool = False) -> ToolResult:
    """A tool's result that is one text."""
    return ToolResult(tool_use_id, (Text(text),), is_error)
