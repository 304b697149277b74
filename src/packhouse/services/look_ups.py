"""The knowledge base as one more tool of a model: offered, heard in what the model says, answered, never shown."""

from collections.abc import Sequence

import msgspec

from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    Message,
    StopReason,
    Tool,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Part, ToolResult, ToolUse
from packhouse.domain.errors import Refused
from packhouse.services.turn import Turn

LOOK_UP = "search_knowledge"

_TOOL = Tool(
    LOOK_UP,
    "Search the knowledge base for passages about a question. Use it before answering anything that it may hold.",
    msgspec.Raw(
        b'{"type":"object","properties":{"query":{"type":"string","description":"What to look for, in full words."}},'
        b'"required":["query"],"additionalProperties":false}'
    ),
)


class Heard:
    """One streamed round: what of it goes on to the client, and what the model wants to look up."""

    def __init__(self) -> None:
        self._turn = Turn()
        self._look_ups = set[int]()
        self._places = dict[int, int]()

    def passed_on(self, piece: ChatPiece) -> ChatPiece | None:
        """All but look-ups; the caller's tools are counted without them."""
        self._turn.add(piece)
        if isinstance(piece, ToolUseStart) and piece.name == LOOK_UP:
            self._look_ups.add(piece.index)
        if not isinstance(piece, ToolUseStart | ToolUseDelta):
            return piece
        if piece.index in self._look_ups:
            return None
        return msgspec.structs.replace(piece, index=self._places.setdefault(piece.index, len(self._places)))

    @property
    def calls(self) -> int:
        """How often the model called tools of the caller's."""
        return len(self._places)

    @property
    def said(self) -> tuple[Part, ...]:
        return self._turn.parts

    @property
    def look_ups(self) -> tuple[ToolUse, ...]:
        return look_ups_of(self.said)


def with_tool(request: ChatRequest) -> ChatRequest:
    """The request with the knowledge base as one more tool. Refused(invalid_request) where its name is taken."""
    if any(isinstance(tool, Tool) and tool.name == LOOK_UP for tool in request.tools):
        raise Refused("invalid_request", f"The tool name `{LOOK_UP}` is Packhouse's own; rename yours.", field="tools")
    return msgspec.structs.replace(request, tools=(*request.tools, _TOOL))


def without_choice(request: ChatRequest) -> ChatRequest:
    """The same without a further look-up: the model has to answer now. What it called stays explained."""
    choice = msgspec.structs.replace(request.tool_choice, mode="none", name="")
    return msgspec.structs.replace(request, tool_choice=choice)


def look_ups_of(parts: Sequence[Part]) -> tuple[ToolUse, ...]:
    """The model's wishes to look something up; none where it calls a tool of the caller's, who then answers."""
    uses = [part for part in parts if isinstance(part, ToolUse)]
    return tuple(uses) if all(use.name == LOOK_UP for use in uses) else ()


def continued(request: ChatRequest, said: Sequence[Part], *, results: Sequence[ToolResult]) -> ChatRequest:
    """The conversation with what the model said, its look-ups among it, and what those found.

    Thought goes back as well: its provider refuses the results of a call whose thought is missing.
    """
    turns = (Message("assistant", tuple(said)), *(Message("tool", (result,)) for result in results))
    return msgspec.structs.replace(request, messages=(*request.messages, *turns))


def stop_of(reason: StopReason, *, calls: int) -> StopReason:
    """Of an answer without its look-ups: where no other call is left, it is at its end."""
    return "end" if reason == "tool_use" and not calls else reason


def without_look_ups(answer: ChatAnswer) -> ChatAnswer:
    """What the caller gets: nobody but the knowledge base could answer to the rest."""
    kept = tuple(part for part in answer.parts if not (isinstance(part, ToolUse) and part.name == LOOK_UP))
    stop = stop_of(answer.stop_reason, calls=sum(isinstance(part, ToolUse) for part in kept))
    return msgspec.structs.replace(answer, parts=kept, stop_reason=stop)
