"""From the dialect's answers, whole or in chunks, to the neutral one."""

import msgspec

from packhouse.adapters.models.openai_compatible import wire
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
from packhouse.domain.chat_part import Part, Text, Thinking, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

_STOP_REASONS: dict[str, StopReason] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "filtered",
}
_decoder = msgspec.json.Decoder(wire.InChat)


def read_answer(body: bytes) -> ChatAnswer:
    """The first choice of a whole answer. Raises `Refused` `provider_malformed`."""
    answer = _decode(body)
    if not answer.choices:
        raise malformed()
    choice = answer.choices[0]
    said, calls = choice.message, choice.message.tool_calls or ()
    parts: list[Part] = []
    if said.thought:
        parts.append(Thinking(said.thought))
    if said.text:
        parts.append(Text(said.text))
    for index, call in enumerate(calls):
        parts.append(ToolUse(call.id or f"call_{index}", call.function.name or "", _arguments(call)))
    tokens = answer.usage.tokens() if answer.usage else None
    return ChatAnswer(tuple(parts), _stop_reason(choice, called=bool(calls)), tokens)


class ChunkReader:
    """Reads a stream's chunks in order; `end` closes it with what was learnt on the way."""

    def __init__(self) -> None:
        self._tokens: ModelTokens | None = None
        self._stop: StopReason = "end"
        self._calls: list[tuple[int | None, str]] = []

    def read(self, payload: bytes) -> list[ChatPiece]:
        """The pieces in one chunk. Raises `Refused` `provider_malformed`."""
        chunk = _decode(payload)
        if chunk.usage is not None:
            self._tokens = chunk.usage.tokens() or self._tokens
        pieces: list[ChatPiece] = []
        for choice in chunk.choices[:1]:
            said = choice.delta or choice.message
            if said.thought:
                pieces.append(ThinkingDelta(said.thought))
            if said.text:
                pieces.append(TextDelta(said.text))
            for call in said.tool_calls or ():
                pieces += self._tool_pieces(call)
            if choice.finish_reason:
                self._stop = _stop_reason(choice, called=bool(self._calls))
        return pieces

    def end(self) -> StreamEnd:
        return StreamEnd(self._stop, self._tokens)

    def _tool_pieces(self, call: wire.InToolCall) -> list[ChatPiece]:
        """Servers differ: some leave the index out, some give every call the same one with another id."""
        place = self._place(call)
        pieces: list[ChatPiece] = []
        if place is None:
            place = len(self._calls)
            self._calls.append((call.index, call.id or ""))
            pieces.append(ToolUseStart(place, call.id or f"call_{place}", call.function.name or ""))
        if call.function.arguments:
            pieces.append(ToolUseDelta(place, _arguments(call)))
        return pieces

    def _place(self, call: wire.InToolCall) -> int | None:
        for place in reversed(range(len(self._calls))):
            index, call_id = self._calls[place]
            if call.id and call_id and call.id != call_id:
                continue
            if call.index is None or index is None or call.index == index:
                return place
        return None


def malformed() -> Refused:
    return Refused("provider_malformed", "The model's provider answered something that is not its protocol.")


def _decode(body: bytes) -> wire.InChat:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed() from error


def _arguments(call: wire.InToolCall) -> str:
    arguments = call.function.arguments
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return arguments or ""


def _stop_reason(choice: wire.InChoice, *, called: bool) -> StopReason:
    reason = _STOP_REASONS.get(choice.finish_reason or "stop", "end")
    if reason == "end" and called:
        return "tool_use"
    if reason == "end" and isinstance(choice.stop_reason, str):
        return "stop_sequence"
    return reason
