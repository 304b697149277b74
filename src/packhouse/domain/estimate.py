"""Upper bounds on what a call may consume, known before it is made.

A byte-level tokenizer makes at most one token of a byte, so the bytes of what is sent bound the tokens of
its text. A chat's template adds to every message; images, pages and files that are named only have prices of their own.
Where a provider runs tools by itself it reads the conversation again after each use, and reports all of that.
"""

import base64
import binascii

import msgspec

from packhouse.domain.chat import ChatRequest, Message, Tool
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
from packhouse.domain.content import Content
from packhouse.domain.pdf_pages import pages_of

TOKENS_PER_MESSAGE = 16
"""More than the template of any model spends on opening and closing a message."""

TOKENS_PER_CALL = 512
"""What providers add to any prompt: their words on the format of the answer, on thinking, on the day."""

TOKENS_WITH_TOOLS = 1_000
"""What providers add to the prompt to explain tools to their models."""

TOKENS_PER_KNOWN_TOOL = 10_000
"""What a tool that is given by its type alone comes to, where the caller runs it: a computer, a browser, an editor."""

TOKENS_PER_IMAGE = 6_400
"""More than any model of the catalog spends on one image, which it scales down first."""

TOKENS_PER_PAGE = 8_000
"""A page of a PDF is read as its text and seen as an image."""

PAGES_MAX = 100
"""As many pages as a provider takes in one document."""

TOKENS_WITH_PROVIDER_TOOL = 200_000
"""What a tool that the provider runs itself (a web search, say) may put into the context on its way: all of it."""

USES_MAX = 10
"""How often a provider uses its own tools in one call, before it pauses and asks to be asked to go on."""

TOKENS_PER_STEP = 100_000
"""What a conversation comes to between two such uses, with what the tools found."""

_PAGE_BYTES_MIN = 64
_CALLERS_TOOLS = ("bash_", "browser_", "computer_", "memory_", "text_editor_")
"""Beginnings of the types of tools that the provider knows and the caller runs."""

_SEARCH_OF_TOOLS = "tool_search_tool_"
_DEFERRED = "custom"


class _Limited(Content, frozen=True):
    max_uses: int | None = None


NESTED_MAX = 4
"""How deep blocks stand in one another: a tool's result, what it fetched, a document, what that is given in."""

_NOTHING = msgspec.Raw(b"null")


class _Block(Content, frozen=True):
    """A content block as Anthropic's dialect writes it."""

    type: str = ""
    source: msgspec.Raw = _NOTHING
    content: msgspec.Raw = _NOTHING


class _Source(Content, frozen=True):
    type: str = ""
    media_type: str = ""
    data: str = ""
    content: msgspec.Raw = _NOTHING


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_limited = msgspec.json.Decoder(_Limited)
_block = msgspec.json.Decoder(_Block)
_blocks = msgspec.json.Decoder(list[_Block])
_source = msgspec.json.Decoder(_Source)


class ProviderTools(msgspec.Struct, frozen=True):
    """How often the tools that a provider runs by itself are used in one call, and whether they bring in what no
    request holds: a search of the request's own tools does not."""

    uses: int = 0
    brings_in: bool = False

    def bound(self, tokens: int) -> int:
        """No provider reports more for a call that is bounded by `tokens` where no tool is used."""
        if not self.uses:
            return tokens
        return (min(self.uses, USES_MAX) + 1) * (max(tokens, TOKENS_PER_STEP) if self.brings_in else tokens)

    def and_(self, other: "ProviderTools") -> "ProviderTools":
        return ProviderTools(self.uses + other.uses, self.brings_in or other.brings_in)


UNLIMITED = ProviderTools(USES_MAX, brings_in=True)
"""Tools that nobody limited: those of a server that is named, say."""


def input_bound(request: ChatRequest) -> int:
    """No provider reports more input tokens for this request."""
    tools = sum(_tool(tool) for tool in request.tools)
    options = sum(len(bytes(option.json)) for option in request.options)
    read_once = (
        TOKENS_PER_CALL
        + sum(_message(message) for message in request.messages)
        + tools
        + (TOKENS_WITH_TOOLS if tools else 0)
        + len(bytes(request.output_format.schema))
        + options
    )
    run = ProviderTools()
    for tool in request.tools:
        if isinstance(tool, Foreign):
            run = run.and_(provider_tools(tool.kind, tool.json))
    if any(option.name == "mcp_servers" for option in request.options):
        run = run.and_(UNLIMITED)
    return run.bound(read_once)


def document_bound(media_type: str, data: bytes) -> int:
    """No model spends more tokens on this file."""
    if media_type != "application/pdf" and not data.startswith(b"%PDF"):
        return len(data)
    pages = pages_of(data) or min(PAGES_MAX, len(data) // _PAGE_BYTES_MIN + 1)
    return pages * TOKENS_PER_PAGE


def named_file_bound(kind: str) -> int:
    """No model spends more tokens on a file that only its provider can see: an image, or a document."""
    return TOKENS_PER_IMAGE if kind == "image" else PAGES_MAX * TOKENS_PER_PAGE


def media_beyond(content: bytes | msgspec.Raw, *, depth: int = NESTED_MAX) -> int:
    """What images and files in Anthropic's dialect come to beyond their bytes; less than nothing where those are more.

    `content` is a block, a list of blocks, or something else, which has none. What is not as we know it counts by its
    bytes alone, and so do blocks that stand deeper than `depth`: no provider takes them.
    """
    return sum(_beyond(block, depth - 1) for block in _blocks_of(content)) if depth else 0


def known_tool_bound(kind: str) -> int:
    """What a tool of that type comes to beyond its bytes, where the caller runs it."""
    return TOKENS_PER_KNOWN_TOOL if kind.startswith(_CALLERS_TOOLS) else 0


def provider_tools(kind: str, json: bytes | msgspec.Raw) -> ProviderTools:
    """How often the provider may use a tool of that type by itself; `json` may limit it (`max_uses`)."""
    if not kind or kind.startswith((_DEFERRED, *_CALLERS_TOOLS)):
        return ProviderTools()
    try:
        limit = _limited.decode(json).max_uses
    except msgspec.DecodeError:
        limit = None
    uses = USES_MAX if limit is None else max(0, limit)
    return ProviderTools(uses, brings_in=not kind.startswith(_SEARCH_OF_TOOLS))


def _tool(tool: Tool | Foreign) -> int:
    if isinstance(tool, Foreign):
        return len(bytes(tool.json)) + TOKENS_PER_MESSAGE + known_tool_bound(tool.kind)
    return len(tool.name.encode()) + len(tool.description.encode()) + len(bytes(tool.parameters)) + TOKENS_PER_MESSAGE


def _message(message: Message) -> int:
    return TOKENS_PER_MESSAGE + sum(_part(part) for part in message.parts)


def _part(part: Part) -> int:
    match part:
        case Text(text=text, citations=citations):
            return len(text.encode()) + sum(map(_citation, citations))
        case Thinking(text=text, signature=signature, redacted=redacted):
            return len(text.encode()) + len(signature) + len(redacted)
        case ToolUse(id=id_, name=name, arguments=arguments):
            return len(id_) + len(name.encode()) + len(arguments.encode()) + TOKENS_PER_MESSAGE
        case ToolResult(tool_use_id=id_, parts=parts):
            return len(id_) + TOKENS_PER_MESSAGE + sum(_part(each) for each in parts)
        case Image():
            return TOKENS_PER_IMAGE
        case Document(media_type=media_type, data=data, url=url, name=name, blocks=blocks, context=context):
            said = len(url) + len(name.encode()) + len(context.encode()) + sum(len(each.encode()) for each in blocks)
            by_url = named_file_bound("document") if url else 0
            return document_bound(media_type, data) + said + by_url + TOKENS_PER_MESSAGE
        case SearchResult(source=source, title=title, blocks=blocks):
            return len(source) + len(title.encode()) + sum(len(each.encode()) for each in blocks) + TOKENS_PER_MESSAGE
        case Foreign(json=json):
            return len(bytes(json)) + media_beyond(json)
        case CachePoint():
            return 0


def _citation(citation: Citation) -> int:
    """Its provider reads it again as it was written."""
    words = (citation.cited_text, citation.title, citation.source, citation.mark)
    return sum(len(word.encode()) for word in words) + TOKENS_PER_MESSAGE


def _blocks_of(content: bytes | msgspec.Raw) -> list[_Block]:
    try:
        match bytes(memoryview(content)[:1]):
            case b"[":
                return _blocks.decode(content)
            case b"{":
                return [_block.decode(content)]
            case _:
                return []
    except UNREADABLE:
        return []


def _beyond(block: _Block, depth: int) -> int:
    if block.type not in {"image", "document"}:
        return media_beyond(block.content, depth=depth)
    try:
        source = _source.decode(block.source)
    except UNREADABLE:
        return named_file_bound(block.type)
    match source.type:
        case "base64" if block.type == "image":
            return TOKENS_PER_IMAGE - len(source.data)
        case "base64":
            return _decoded_bound(source) - len(source.data)
        case "text" if block.type == "document":
            return 0
        case "content" if block.type == "document":
            return media_beyond(source.content, depth=depth)
        case _:
            return named_file_bound(block.type)


def _decoded_bound(source: _Source) -> int:
    try:
        return document_bound(source.media_type, base64.b64decode(source.data))
    except binascii.Error:
        return len(source.data)
