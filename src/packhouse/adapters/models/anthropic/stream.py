"""A stream's events into neutral pieces."""

import msgspec

from packhouse.adapters.models.anthropic.answer import (
    STOPS,
    UNREADABLE,
    InBlock,
    InCitation,
    InUsage,
    block_of,
    citation_of,
    malformed,
)
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
    delta: msgspec.Raw = msgspec.Raw(b"{}")
    usage: InUsage | None = None


_event = msgspec.json.Decoder(InEvent)
_delta = msgspec.json.Decoder(InDelta)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _ForeignBlock:
    """A block that Anthropic alone knows, gathered: what its deltas bring replaces what it began with."""

    def __init__(self, begun: Foreign) -> None:
        self._begun = begun
        self._input = ""
        self._fields = dict[str, msgspec.Raw]()

    def add(self, delta: msgspec.Raw) -> None:
        read = _delta.decode(delta)
        if read.type == "input_json_delta":
            self._input += read.partial_json
        else:
            self._fields |= {name: value for name, value in _object.decode(delta).items() if name != "type"}

    def part(self) -> Foreign:
        begun, more = self._begun, self._fields
        if self._input:
            _object.decode(self._input)  # nothing but an object is one
            more = more | {"input": msgspec.Raw(self._input.encode())}
        if not more:
            return begun
        return Foreign(begun.dialect, begun.kind, msgspec.Raw(msgspec.json.encode(_object.decode(begun.json) | more)))


class EventReader:
    """Reads the events in order; `ended` is set with the last one."""

    def __init__(self) -> None:
        self.ended: StreamEnd | None = None
        self._tokens: ModelTokens | None = None
        self._stop: StopReason = "end"
        self._sequence = ""
        self._tools = -1
        self._foreign: _ForeignBlock | None = None

    def read(self, payload: bytes) -> list[ChatPiece]:
        """Refused(provider_malformed)."""
        try:
            return self._pieces(_event.decode(payload))
        except UNREADABLE as error:
            raise malformed() from error

    def _pieces(self, event: InEvent) -> list[ChatPiece]:
        match event.type:
            case "message_start":
                self._count(event.message.usage if event.message else None)
            case "content_block_start":
                return self._begun(event.content_block)
            case "content_block_delta":
                return self._more(event.delta)
            case "content_block_stop":
                return self._stopped()
            case "message_delta":
                self._count(event.usage)
                ending = _delta.decode(event.delta)
                self._stop = STOPS.get(ending.stop_reason or "", self._stop)
                self._sequence = ending.stop_sequence or ""
            case "message_stop":
                self.ended = StreamEnd(self._stop, self._tokens, self._sequence)
            case _:
                pass  # pings, and what is yet to come
        return []

    def _count(self, usage: InUsage | None) -> None:
        if usage is not None:
            self._tokens = usage.over(self._tokens or ModelTokens())

    def _begun(self, raw: msgspec.Raw) -> list[ChatPiece]:
        block = block_of(raw)
        if isinstance(block, Foreign):
            self._foreign = _ForeignBlock(block)
            return []
        match block.type:
            case "tool_use":
                return self._tool_begun(block)
            case "redacted_thinking":
                return [ThinkingDelta(redacted=block.data)]
            case "text":
                said = [TextDelta(block.text)] if block.text else []
                return [*said, *(CitationDelta(citation_of(each)) for each in block.citations or ())]
            case _:
                return [ThinkingDelta(block.thinking, block.signature)] if block.thinking or block.signature else []

    def _tool_begun(self, block: InBlock) -> list[ChatPiece]:
        """Anthropic's own input begins empty; servers that speak alike may give it whole."""
        self._tools += 1
        begun = ToolUseStart(self._tools, block.id, block.name)
        if not _object.decode(block.input):
            return [begun]
        return [begun, ToolUseDelta(self._tools, bytes(block.input).decode())]

    def _more(self, raw: msgspec.Raw) -> list[ChatPiece]:
        if self._foreign is not None:
            self._foreign.add(raw)
            return []
        delta = _delta.decode(raw)
        match delta.type:
            case "text_delta":
                return [TextDelta(delta.text)]
            case "thinking_delta":
                return [ThinkingDelta(delta.thinking)]
            case "signature_delta":
                return [ThinkingDelta(signature=delta.signature)]
            case "citations_delta" if delta.citation is not None:
                return [CitationDelta(citation_of(delta.citation))]
            case "input_json_delta":
                return [ToolUseDelta(self._tools, delta.partial_json)] if delta.partial_json else []
            case _:
                return []

    def _stopped(self) -> list[ChatPiece]:
        if self._foreign is None:
            return [PartEnd()]
        part, self._foreign = self._foreign.part(), None
        return [ForeignPiece(part)]
