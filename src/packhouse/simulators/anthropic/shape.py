"""What there is in a request of Anthropic's: types of blocks, names of tools, marks of the cache."""

import re
from collections.abc import Iterator

import msgspec

from packhouse.simulators.anthropic.wire import Block, MessagesBody, ToolSpec
from packhouse.simulators.dialect import Rejected

_CACHE_MARKS_MAX = 4
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_IN_RESULTS = frozenset({"text", "image", "document", "search_result", "tool_reference", "browser_state"})
_SYSTEM = frozenset({"text"})
_BLOCKS = frozenset(
    {
        "text",
        "image",
        "document",
        "search_result",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "server_tool_use",
        "advisor_tool_result",
        "bash_code_execution_tool_result",
        "code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "web_fetch_tool_result",
        "web_search_tool_result",
        "mcp_tool_listing",
        "mcp_tool_result",
        "mcp_tool_use",
        "tool_addition",
        "tool_removal",
        "container_upload",
        "compaction",
        "fallback",
    }
)

Placed = tuple[str, Block]
"""A block with where it stands."""


def check_shape(body: MessagesBody) -> None:
    """Raises `Rejected` (400)."""
    _check_tools(body.tools or ())
    for where, block in _system(body):
        _check_type(block, where, known=_SYSTEM)
    marks = sum(block.cache_control is not None for _, block in _system(body))
    for where, block in _in_messages(body):
        _check_type(block, where, known=_BLOCKS)
        marks += block.cache_control is not None
        for inside, inner in _in_result(where, block):
            _check_type(inner, inside, known=_IN_RESULTS)
            marks += inner.cache_control is not None
    marks += sum(tool.cache_control is not None for tool in body.tools or ()) + (body.cache_control is not None)
    if marks > _CACHE_MARKS_MAX:
        text = f"A maximum of {_CACHE_MARKS_MAX} blocks with cache_control may be provided. Found {marks}."
        raise Rejected(400, text)


def _check_tools(tools: list[ToolSpec] | tuple[()]) -> None:
    """Those that the caller gives whole: Anthropic's own have the names that they have."""
    for place, tool in enumerate(tools):
        if tool.type in (None, "custom") and not _TOOL_NAME.fullmatch(tool.name):
            where, pattern = f"tools.{place}.custom.name", f"^{_TOOL_NAME.pattern}$"
            raise Rejected(400, f"{where}: String should match pattern '{pattern}'")
    names = [tool.name for tool in tools if tool.name]
    if len(set(names)) < len(names):
        raise Rejected(400, "tools: Tool names must be unique.")


def _check_type(block: Block, where: str, *, known: frozenset[str]) -> None:
    if block.type not in known:
        tags = ", ".join(repr(each) for each in sorted(known))
        said = f"Input tag '{block.type}' found using 'type' does not match any of the expected tags: {tags}"
        raise Rejected(400, f"{where}: {said}")


def _system(body: MessagesBody) -> Iterator[Placed]:
    if isinstance(body.system, list):
        yield from ((f"system.{place}", block) for place, block in enumerate(body.system))


def _in_messages(body: MessagesBody) -> Iterator[Placed]:
    for number, message in enumerate(body.messages):
        if isinstance(message.content, list):
            yield from ((f"messages.{number}.content.{place}", block) for place, block in enumerate(message.content))


def _in_result(where: str, block: Block) -> Iterator[Placed]:
    """What a caller's tool returned."""
    if block.type != "tool_result" or isinstance(block.content, str | None):
        return
    try:
        inner = msgspec.convert(block.content, list[Block])
    except msgspec.ValidationError as error:
        raise Rejected(400, f"{where}: {error}") from error
    yield from ((f"{where}.tool_result.content.{place}", each) for place, each in enumerate(inner))
