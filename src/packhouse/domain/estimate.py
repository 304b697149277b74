"""Upper bounds on what a call may consume, known before it is made.

A byte-level tokenizer makes at most one token of a byte, so the bytes of what is sent bound the tokens of
its text. A chat's template adds to every message; images, pages and a provider's own tools have prices of their own.
"""

import re

from packhouse.domain.chat import ChatRequest, Message, Tool
from packhouse.domain.chat_part import (
    CachePoint,
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

TOKENS_PER_MESSAGE = 16
"""More than the template of any model spends on opening and closing a message."""

TOKENS_PER_CALL = 64

TOKENS_WITH_TOOLS = 1_000
"""What providers add to the prompt to explain tools to their models."""

TOKENS_PER_IMAGE = 6_400
"""More than any model of the catalog spends on one image, which it scales down first."""

TOKENS_PER_PAGE = 8_000
"""A page of a PDF is read as its text and seen as an image."""

PAGES_MAX = 100
"""As many pages as a provider takes in one document."""

TOKENS_WITH_PROVIDER_TOOL = 200_000
"""What a tool that the provider runs itself (a web search, say) may put into the context on its way: all of it."""

_PAGE = re.compile(rb"/Type\s*/Page\b")
_PAGE_BYTES_MIN = 64


def input_bound(request: ChatRequest) -> int:
    """No provider reports more input tokens for this request."""
    tools = sum(_tool(tool) for tool in request.tools)
    options = sum(len(bytes(option.json)) for option in request.options)
    return (
        TOKENS_PER_CALL
        + sum(_message(message) for message in request.messages)
        + tools
        + (TOKENS_WITH_TOOLS if tools else 0)
        + len(bytes(request.output_format.schema))
        + options
    )


def document_bound(media_type: str, data: bytes) -> int:
    """No model spends more tokens on this file."""
    if media_type != "application/pdf" and not data.startswith(b"%PDF"):
        return len(data)
    pages = len(_PAGE.findall(data)) or min(PAGES_MAX, len(data) // _PAGE_BYTES_MIN + 1)
    return len(data) + pages * TOKENS_PER_PAGE


def _tool(tool: Tool | Foreign) -> int:
    if isinstance(tool, Foreign):
        return len(bytes(tool.json)) + TOKENS_WITH_PROVIDER_TOOL
    return len(tool.name.encode()) + len(tool.description.encode()) + len(bytes(tool.parameters)) + TOKENS_PER_MESSAGE


def _message(message: Message) -> int:
    return TOKENS_PER_MESSAGE + sum(_part(part) for part in message.parts)


def _part(part: Part) -> int:
    match part:
        case Text(text=text):
            return len(text.encode())
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
            by_url = PAGES_MAX * TOKENS_PER_PAGE if url else 0
            return document_bound(media_type, data) + said + by_url + TOKENS_PER_MESSAGE
        case SearchResult(source=source, title=title, blocks=blocks):
            return len(source) + len(title.encode()) + sum(len(each.encode()) for each in blocks) + TOKENS_PER_MESSAGE
        case Foreign(json=json):
            return len(bytes(json))
        case CachePoint():
            return 0
