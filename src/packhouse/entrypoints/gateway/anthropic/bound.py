"""How many input tokens a relayed body may come to, without reading all of it."""

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.estimate import (
    TOKENS_PER_CALL,
    TOKENS_WITH_TOOLS,
    UNLIMITED,
    UNREADABLE,
    ProviderTools,
    known_tool_bound,
    media_beyond,
    provider_tools,
)

_BY_THEIR_KIND = (b'"image"', b'"document"', b'"mcp_servers"', b"_20", b"\\u00")
"""Only where one of these occurs is a body read: for blocks whose bytes do not tell their tokens, and for tools that
the provider runs or knows, which carry a date in their type. Any of them may be written in escapes."""


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
    except UNREADABLE:
        return bound
    bound += sum(media_beyond(message.content) for message in read.messages)
    run = UNLIMITED if read.mcp_servers else ProviderTools()
    for tool in read.tools or ():
        kind = _kind_of(tool)
        bound += known_tool_bound(kind)
        run = run.and_(provider_tools(kind, tool))
    return run.bound(bound)


def _kind_of(tool: msgspec.Raw) -> str:
    try:
        return _tool.decode(tool).type or ""
    except UNREADABLE:
        return ""
