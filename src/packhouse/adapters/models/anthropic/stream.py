"""A stream's events into neutral pieces."""

import msgspec

from packhouse.adapters.models.anthropic.answer import STOPS, InBlock, InCitation, InUsage, citation_of, malformed
from packhouse.domain.chat import (
    ChatPiece,
    CitationDelta,
    ForeignPiece,
    PartEnd,
    StopReason,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Foreign
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens


class InDelta(Content, frozen=True):
    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    citation: InCitation | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None


class InStart(Content, frozen=True):
    usage: InUsage | None = None


class InEvent(Content, frozen=True):
    type: str
    message: InStart | None = None
    content_block: msgspec.Raw = msgspec.Raw(b"")
    delta: InDelta | None = None
    usage: InUsage | None = None


_event = msgspec.json.Decoder(InEvent)
_block = msgspec.json.Decoder(InBlock)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OWN = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})


class EventReader:
    """Reads the events in order; `ended` is set with the last one."""

    def __init__(self) -> None:
        self.ended: StreamEnd | None = None
        self._tokens: ModelTokens | None = None
        self._stop: StopReason = "end"
        self._sequence = ""
        self._tools = -1
        self._foreign: InBlock | None = None
        self._foreign_raw = msgspec.Raw(b"")
        self._foreign_input: list[str] = []

    def read(self, payload: bytes) -> list[ChatPiece]:
        """Refused(provider_malformed)."""
        try:
            event = _event.decode(payload)
            return self._pieces(event)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise malformed() from error

    def _pieces(self, event: InEvent) -> list[ChatPiece]:
        match event.type:
            case "message_start":
                self._count(event.message.usage if event.message else None)
            case "content_block_start":
                return self._begun(event.content_block)
            case "content_block_delta" if event.delta is not None:
                return self._delta(event.delta)
            case "content_block_stop":
                return self._stopped()
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None:
                    self._stop = STOPS.get(event.delta.stop_reason or "", self._stop)
                    self._sequence = event.delta.stop_sequence or ""
            case "message_stop":
                self.ended = StreamEnd(self._stop, self._tokens, self._sequence)
            case _:
                pass  # pings, and what is yet to come
        return []

    def _count(self, usage: InUsage | None) -> None:
        if usage is not None:
            self._tokens = usage.over(self._tokens or ModelTokens())

    def _begun(self, raw: msgspec.Raw) -> list[ChatPiece]:
        block = _block.decode(raw)
        if block.type not in _OWN:
            self._foreign, self._foreign_raw, self._foreign_input = block, raw, []
            return []
        match block.type:
            case "tool_use":
                self._tools += 1
                return [ToolUseStart(self._tools, block.id, block.name)]
            case "redacted_thinking":
                return [ThinkingDelta(redacted=block.data)]
            case "text":
                said = [TextDelta(block.text)] if block.text else []
                return [*said, *(CitationDelta(citation_of(each)) for each in block.citations or ())]
            case _:
                return [ThinkingDelta(block.thinking, block.signature)] if block.thinking or block.signature else []

    def _delta(self, delta: InDelta) -> list[ChatPiece]:
        match delta.type:
            case "text_delta":
                return [TextDelta(delta.text)]
            case "thinking_delta":
                return [ThinkingDelta(delta.thinking)]
            case "signature_delta":
                return [ThinkingDelta(signature=delta.signature)]
            case "citations_delta" if delta.citation is not None:
                return [CitationDelta(citation_of(delta.citation))]
            case "input_json_delta" if self._foreign is not None:
                self._foreign_input.append(delta.partial_json)
                return []
            case "input_json_delta":
                return [ToolUseDelta(self._tools, delta.partial_json)] if delta.partial_json else []
            case _:
                return []

    def _stopped(self) -> list[ChatPiece]:
        if self._foreign is None:
            return [PartEnd()]
        block, raw = self._foreign, self._foreign_raw
        self._foreign = None
        if given := "".join(self._foreign_input):
            fields = _object.decode(raw) | {"input": msgspec.Raw(given.encode())}
            raw = msgspec.Raw(msgspec.json.encode(fields))
        return [ForeignPiece(Foreign("anthropic", block.type, raw))]
