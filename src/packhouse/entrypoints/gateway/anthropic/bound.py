"""How many input tokens a relayed body may come to, without reading all of it."""

import base64
import binascii
from collections.abc import Iterator

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.estimate import (
    TOKENS_PER_CALL,
    TOKENS_PER_IMAGE,
    TOKENS_WITH_TOOLS,
    UNLIMITED,
    ProviderTools,
    document_bound,
    known_tool_bound,
    named_file_bound,
    provider_tools,
)

_BY_THEIR_KIND = (b'"image"', b'"document"', b'"mcp_servers"', b"_20", b"\\u00")
"""Only where one of these occurs is a body read: for blocks whose bytes do not tell their tokens, and for tools that
the provider runs or knows, which carry a date in their type. Any of them may be written in escapes."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Source(Content, frozen=True):
    type: str = ""
    media_type: str = ""
    data: str = ""


class _Block(Content, frozen=True):
    type: str = ""
    source: msgspec.Raw = msgspec.Raw(b"null")
    content: msgspec.Raw = msgspec.Raw(b"null")


class _Message(Content, frozen=True):
    content: msgspec.Raw = msgspec.Raw(b"null")


class _Tool(Content, frozen=True):
    type: str | None = None


class _Body(Content, frozen=True):
    messages: list[_Message]
    tools: list[msgspec.Raw] | None = None
    mcp_servers: list[msgspec.Raw] | None = None


_body = msgspec.json.Decoder(_Body)
_tool = msgspec.json.Decoder(_Tool)
_source = msgspec.json.Decoder(_Source)
_blocks = msgspec.json.Decoder(list[_Block])


def body_bound(body: bytes) -> int:
    """No provider reports more input tokens for this body.

    The JSON of a request is never shorter than its text; images and documents count by themselves, in the place of
    their bytes. What is not as we know it counts by its bytes: its provider says what it thinks of it.
    """
    bound = len(body) + TOKENS_PER_CALL + (TOKENS_WITH_TOOLS if b'"tools"' in body else 0)
    if not any(kind in body for kind in _BY_THEIR_KIND):
        return bound
    try:
        read = _body.decode(body)
    except _UNREADABLE:
        return bound
    bound += sum(_more(block) for message in read.messages for block in _read_blocks(message.content))
    run = UNLIMITED if read.mcp_servers else ProviderTools()
    for tool in read.tools or ():
        kind = _kind_of(tool)
        bound += known_tool_bound(kind)
        run = run.and_(provider_tools(kind, tool))
    return run.bound(bound)


def _kind_of(tool: msgspec.Raw) -> str:
    try:
        return _tool.decode(tool).type or ""
    except _UNREADABLE:
        return ""


def _read_blocks(content: msgspec.Raw) -> Iterator[_Block]:
    if not bytes(content).startswith(b"["):
        return
    try:
        yield from _blocks.decode(content)
    except _UNREADABLE:
        return


def _more(block: _Block) -> int:
    """What a block comes to beyond its bytes; less than nothing where those are the larger."""
    if block.type == "tool_result":
        return sum(_more(each) for each in _read_blocks(block.content))
    if block.type not in {"image", "document"}:
        return 0
    try:
        source = _source.decode(block.source)
    except _UNREADABLE:
        return named_file_bound(block.type)
    if block.type == "image":
        return TOKENS_PER_IMAGE - (len(source.data) if source.type == "base64" else 0)
    return _document(source)


def _document(source: _Source) -> int:
    match source.type:
        case "base64":
            try:
                data = base64.b64decode(source.data)
            except binascii.Error:
                return 0
            return document_bound(source.media_type, data) - len(source.data)
        case "text" | "content":
            return 0
        case _:
            return named_file_bound("document")
