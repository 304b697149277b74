"""From the dialect's answers, whole or in chunks, to the neutral one."""

import msgspec

from packhouse.adapters.models.openai_compatible import wire
from packhouse.adapters.models.openai_compatible.cited import citations, texts
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    CitationDelta,
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
    parts: list[Part] = [*_thoughts(said), *_texts(said)]
    for index, call in enumerate(calls):
        parts.append(ToolUse(call.id or f"call_{index}", call.function.name or "", _arguments(call)))
    tokens = answer.usage.tokens() if answer.usage else None
    reason = _stop_reason(choice, called=bool(calls), refused=bool(said.refusal))
    sequence = choice.stop_reason if reason == "stop_sequence" and isinstance(choice.stop_reason, str) else ""
    return ChatAnswer(tuple(parts), reason, tokens, sequence)


class ChunkReader:
    """Reads a stream's chunks in order; `end` closes it with what was learnt on the way."""

    def __init__(self) -> None:
        self._tokens: ModelTokens | None = None
        self._stop: StopReason = "end"
        self._stop_sequence = ""
        self._refused = False
        self._calls: list[tuple[int | None, str]] = []

    def read(self, payload: bytes) -> list[ChatPiece]:
        """The pieces in one chunk. Raises `Refused` `provider_malformed`."""
        chunk = _decode(payload)
        if chunk.usage is not None:
            self._tokens = chunk.usage.tokens() or self._tokens
        pieces: list[ChatPiece] = []
        for choice in chunk.choices[:1]:
            said = choice.delta or choice.message
            pieces += _said(said)
            for call in said.tool_calls or ():
                pieces += self._tool_pieces(call)
            self._refused = self._refused or bool(said.refusal)
            if choice.finish_reason:
                self._stop = _stop_reason(choice, called=bool(self._calls), refused=self._refused)
                self._stop_sequence = choice.stop_reason if isinstance(choice.stop_reason, str) else ""
        return pieces

    def end(self) -> StreamEnd:
        sequence = self._stop_sequence if self._stop == "stop_sequence" else ""
        return StreamEnd(self._stop, self._tokens, sequence)

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


def _thoughts(said: wire.InMessage) -> list[Thinking]:
    """Blocks, where there are any, say what the plain thought says, and its signatures."""
    if not said.thinking_blocks:
        return [Thinking(said.thought)] if said.thought else []
    return [Thinking(block.thinking or "", block.signature or "", block.data or "") for block in said.thinking_blocks]


def _texts(said: wire.InMessage) -> list[Text]:
    if said.annotations:
        return texts(said.text, said.annotations)
    return [Text(said.text)] if said.text else []


def _said(said: wire.InMessage) -> list[ChatPiece]:
    """A thought's block comes after its text, which it repeats: only its signature is news."""
    pieces: list[ChatPiece] = []
    if said.thought:
        pieces.append(ThinkingDelta(said.thought))
    pieces += (
        ThinkingDelta(signature=block.signature or "", redacted=block.data or "")
        for block in said.thinking_blocks or ()
        if block.signature or block.data
    )
    if said.text:
        pieces.append(TextDelta(said.text))
    pieces += map(CitationDelta, citations(said.annotations or ()))
    return pieces


def malformed() -> Refused:
    return Refused("provider_malformed", "The model's provider answered something that is not its protocol.")


def _decode(body: bytes) -> wire.InChat:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed() from error


def _arguments(call: wire.InToolCall) -> str:
    arguments = call.function.arguments
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return arguments or ""


def _stop_reason(choice: wire.InChoice, *, called: bool, refused: bool) -> StopReason:
    reason = _STOP_REASONS.get(choice.finish_reason or "stop", "end")
    if refused and reason in {"end", "filtered"}:
        return "refused"
    if reason == "end" and called:
        return "tool_use"
    if reason == "end" and isinstance(choice.stop_reason, str):
        return "stop_sequence"
    return reason
