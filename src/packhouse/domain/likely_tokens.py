"""What a call consumed where its provider never said: tighter than the bounds, and still rather too much than less.

The bounds of `domain.estimate` are what a call is held at; they take every byte for a token, and templates for as long
as any. Here a text counts as tokenizers cut it: a few letters a token, digits, capitals and signs one each, and other
scripts by how well tokenizers know them.
"""

from collections.abc import Iterable, Iterator
from math import ceil

from packhouse.domain.chat import ChatRequest, Tool
from packhouse.domain.chat_part import Document, Part, SearchResult, Text, Thinking, ToolResult, ToolUse
from packhouse.domain.estimate import TOKENS_PER_CALL, TOKENS_PER_MESSAGE, TOKENS_WITH_TOOLS, input_bound

LIKELY_PER_CALL = 32
LIKELY_PER_MESSAGE = 6
LIKELY_WITH_TOOLS = 64
"""What the templates of models add that are served as they are: a little more than those that report it."""

LIKELY_PER_TOOL_CALL = 16
"""What a model writes around a call of a tool."""

_WEIGHTS_A_TOKEN = 6
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz \t\n\r")
_PDF = "application/pdf"


def _weight(byte: int) -> int:
    """A character counts where it begins: three small letters or blanks are a token, a letter of a script of two
    bytes one, a Chinese, Japanese or Korean sign two, anything else as many as it has bytes."""
    if byte < 0x80:
        return 2 if byte in _PLAIN else 6
    if byte < 0xC0:
        return 0
    if byte < 0xE0:
        return 6
    if byte < 0xF0:
        return 12 if 0xE3 <= byte <= 0xED else 18
    return 24


_WEIGHTS = bytes(_weight(byte) for byte in range(256))


def likely_tokens(text: str | bytes) -> float:
    """Never more than its bytes; not rounded, so that the pieces of a stream come to what they are together."""
    data = text.encode() if isinstance(text, str) else text
    return sum(data.translate(_WEIGHTS)) / _WEIGHTS_A_TOKEN


def likely_input(request: ChatRequest, *, is_plain: bool) -> int:
    """Input tokens, never above `input_bound`. Images, pages and files count as they do there.

    `is_plain`: the server adds its model's template and nothing else, as those that speak OpenAI's dialect do. Others
    add words of their own to what is more than talk, which count as they do there.
    """
    less = sum((len(data) - likely_tokens(data) for data in _texts(request)), 0.0)
    if is_plain or not _is_more_than_talk(request):
        less += TOKENS_PER_CALL - LIKELY_PER_CALL
        less += len(request.messages) * (TOKENS_PER_MESSAGE - LIKELY_PER_MESSAGE)
        less += (TOKENS_WITH_TOOLS - LIKELY_WITH_TOOLS) if request.tools else 0
    return ceil(input_bound(request) - less)


def _is_more_than_talk(request: ChatRequest) -> bool:
    """Whether tools, a format or thought are asked for, or what only its provider knows."""
    return bool(request.tools or request.options or request.thinking or request.output_format.kind != "text")


def _texts(request: ChatRequest) -> Iterator[bytes]:
    """What the bound counts by its bytes, as far as it is much."""
    for message in request.messages:
        yield from _of_parts(message.parts)
    for tool in request.tools:
        if isinstance(tool, Tool):
            yield tool.description.encode()
            yield bytes(tool.parameters)
    yield bytes(request.output_format.schema)


def _of_parts(parts: Iterable[Part]) -> Iterator[bytes]:
    for part in parts:
        match part:
            case Text(text=text) | Thinking(text=text):
                yield text.encode()
            case ToolUse(arguments=arguments):
                yield arguments.encode()
            case ToolResult(parts=inner):
                yield from _of_parts(inner)
            case SearchResult(blocks=blocks):
                yield from (block.encode() for block in blocks)
            case Document(data=data, blocks=blocks, media_type=media_type):
                yield from (block.encode() for block in blocks)
                if media_type != _PDF and not data.startswith(b"%PDF"):
                    yield data
            case _:
                pass
