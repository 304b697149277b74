"""From neutral answers to the OpenAI dialect: whole ones, and the chunks of a stream."""

from typing import Literal

import msgspec

from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    StopReason,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import ToolUse
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.usage import WireUsage, wire_usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
FINISH: dict[StopReason, FinishReason] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_use": "tool_calls",
    "filtered": "content_filter",
    "refused": "content_filter",
    "paused": "stop",
    "context_full": "length",
    "malformed": "stop",
}


class OutFunction(Content, frozen=True):
    name: str
    arguments: str


class OutToolCall(Content, frozen=True):
    id: str
    function: OutFunction
    type: str = "function"


class OutMessage(Content, frozen=True, kw_only=True):
    role: str = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: list[OutToolCall] | msgspec.UnsetType = msgspec.UNSET


class OutChoice(Content, frozen=True, kw_only=True):
    index: int = 0
    message: OutMessage
    logprobs: None = None
    finish_reason: FinishReason


class Completion(Content, frozen=True, kw_only=True):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: tuple[OutChoice, ...]
    usage: WireUsage
    packhouse: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class OutDeltaCall(Content, frozen=True):
    index: int
    function: dict[str, str]
    id: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET


class OutDelta(Content, frozen=True, kw_only=True):
    role: str | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: tuple[OutDeltaCall, ...] | msgspec.UnsetType = msgspec.UNSET


class OutChunkChoice(Content, frozen=True, kw_only=True):
    index: int = 0
    delta: OutDelta
    logprobs: None = None
    finish_reason: FinishReason | None = None


class Chunk(Content, frozen=True, kw_only=True):
    id: str
    object: str = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[OutChunkChoice, ...]
    usage: WireUsage | msgspec.UnsetType | None = msgspec.UNSET
    packhouse: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Heading(msgspec.Struct, frozen=True):
    """What every answer begins with: its id, when it was made (seconds), the model that made it."""

    id: str
    created: int
    model: str


def completion(
    heading: Heading, answer: ChatAnswer, *, tokens: ModelTokens, packhouse: msgspec.Raw | None = None
) -> bytes:
    """A whole answer. `packhouse` is what goes along with a grounded one."""
    calls = [
        OutToolCall(part.id, OutFunction(part.name, part.arguments))
        for part in answer.parts
        if isinstance(part, ToolUse)
    ]
    text = answer.text
    message = OutMessage(content=text if text or not calls else None, tool_calls=calls or msgspec.UNSET)
    return msgspec.json.encode(
        Completion(
            id=heading.id,
            created=heading.created,
            model=heading.model,
            choices=(OutChoice(message=message, finish_reason=FINISH[answer.stop_reason]),),
            usage=wire_usage(tokens),
            packhouse=packhouse or msgspec.UNSET,
        )
    )


class ChunkWriter:
    """Writes the chunks of one stream as server-sent events."""

    def __init__(self, heading: Heading, *, include_usage: bool) -> None:
        self._heading = heading
        self._include_usage = include_usage

    def opening(self) -> bytes:
        return self._event(OutDelta(role="assistant", content=""))

    def piece(self, piece: ChatPiece) -> bytes:
        match piece:
            case TextDelta(text=text):
                return self._event(OutDelta(content=text))
            case ThinkingDelta(text=text):
                return self._event(OutDelta(reasoning_content=text))
            case ToolUseStart(index=index, id=id_, name=name):
                call = OutDeltaCall(index, {"name": name, "arguments": ""}, id_, "function")
                return self._event(OutDelta(tool_calls=(call,)))
            case ToolUseDelta(index=index, arguments=arguments):
                return self._event(OutDelta(tool_calls=(OutDeltaCall(index, {"arguments": arguments}),)))
            case StreamEnd(stop_reason=reason):
                return self._event(OutDelta(), FINISH[reason])
            case _:
                return b""

    def closing(self, tokens: ModelTokens, *, packhouse: msgspec.Raw | None = None) -> bytes:
        """The usage, where the client asked for it, and what goes along with a grounded answer."""
        if not self._include_usage and packhouse is None:
            return b"data: [DONE]\n\n"
        usage = wire_usage(tokens) if self._include_usage else msgspec.UNSET
        last = self._chunk((), usage=usage, packhouse=packhouse or msgspec.UNSET)
        return _sse(last) + b"data: [DONE]\n\n"

    def _event(self, delta: OutDelta, finish: FinishReason | None = None) -> bytes:
        usage = None if self._include_usage else msgspec.UNSET
        return _sse(self._chunk((OutChunkChoice(delta=delta, finish_reason=finish),), usage=usage))

    def _chunk(
        self,
        choices: tuple[OutChunkChoice, ...],
        *,
        usage: WireUsage | msgspec.UnsetType | None,
        packhouse: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET,
    ) -> Chunk:
        heading = self._heading
        return Chunk(
            id=heading.id,
            created=heading.created,
            model=heading.model,
            choices=choices,
            usage=usage,
            packhouse=packhouse,
        )


def _sse(chunk: Chunk) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
