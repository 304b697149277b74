"""The events of a streamed message: each piece of a neutral answer as the bytes that its client gets."""

from typing import Literal

import msgspec

from packhouse.domain.chat import (
    ChatPiece,
    CitationDelta,
    ForeignPiece,
    PartEnd,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.write import (
    STOPS,
    Heading,
    OutBlock,
    OutCitation,
    OutMessage,
    OutRedacted,
    OutText,
    OutThinking,
    OutToolUse,
    OutUsage,
    WireStop,
    citation,
    is_object,
    usage_of,
)

Kind = Literal["", "text", "thinking", "redacted", "tool_use", "foreign"]
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class TextPiece(Content, frozen=True, tag="text_delta"):
    text: str


class CitationPiece(Content, frozen=True, tag="citations_delta"):
    citation: OutCitation


class ThinkingPiece(Content, frozen=True, tag="thinking_delta"):
    thinking: str


class SignaturePiece(Content, frozen=True, tag="signature_delta"):
    signature: str


class JsonPiece(Content, frozen=True, tag="input_json_delta"):
    partial_json: str


OutPiece = TextPiece | CitationPiece | ThinkingPiece | SignaturePiece | JsonPiece


class MessageStart(Content, frozen=True, tag="message_start"):
    message: OutMessage


class BlockStart(Content, frozen=True, tag="content_block_start"):
    index: int
    content_block: OutBlock


class BlockDelta(Content, frozen=True, tag="content_block_delta"):
    index: int
    delta: OutPiece


class BlockStop(Content, frozen=True, tag="content_block_stop"):
    index: int


class Ended(Content, frozen=True):
    stop_reason: WireStop
    stop_sequence: str | None


class MessageDelta(Content, frozen=True, kw_only=True, tag="message_delta"):
    delta: Ended
    usage: OutUsage
    packhouse: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class MessageStop(Content, frozen=True, tag="message_stop"):
    pass


class _Call:
    """A tool use whose block is open."""

    __slots__ = ("arguments", "block")

    def __init__(self, block: int) -> None:
        self.block = block
        self.arguments = ""


class EventWriter:
    """Writes the events of one stream; blocks begin and end as the pieces change their kind.

    Tool uses may come interleaved: one that is not whole when another begins stays open, and its pieces go on.
    """

    def __init__(self, heading: Heading) -> None:
        self._heading = heading
        self._index = -1
        self._kind: Kind = ""
        self._signature = ""
        self._call = -1
        self._calls = dict[int, _Call]()

    def opening(self) -> bytes:
        """What was consumed is told at the end: nobody knows it yet."""
        heading = self._heading
        first = OutMessage(id=heading.id, model=heading.model, usage=usage_of(ModelTokens()))
        return _event("message_start", MessageStart(first)) + PING

    def piece(self, piece: ChatPiece) -> bytes:
        match piece:
            case TextDelta(text=text):
                return self._in("text", OutText("")) + self._delta(TextPiece(text))
            case CitationDelta(citation=cited):
                return self._in("text", OutText("", ())) + self._delta(CitationPiece(citation(cited)))
            case ThinkingDelta(redacted=redacted) if redacted:
                return self._whole("redacted", OutRedacted(redacted))
            case ThinkingDelta(text=text, signature=signature):
                return self._thought(text, signature)
            case ToolUseStart() | ToolUseDelta():
                return self._tool_use(piece)
            case ForeignPiece(part=part):
                return self._whole("foreign", part.json) if part.dialect == "anthropic" else b""
            case PartEnd():
                return self._end(whole=True)
            case StreamEnd():
                return self._end(whole=True) + b"".join(map(self._stop, list(self._calls)))

    def closing(self, end: StreamEnd, *, packhouse: msgspec.Raw | None = None) -> bytes:
        """After the call is settled; `end.tokens` is what was booked."""
        ended = Ended(STOPS[end.stop_reason], end.stop_sequence or None)
        usage = usage_of(end.tokens or ModelTokens())
        last = MessageDelta(delta=ended, usage=usage, packhouse=packhouse or msgspec.UNSET)
        return _event("message_delta", last) + _event("message_stop", MessageStop())

    def _thought(self, text: str, signature: str) -> bytes:
        """Clients take one signature a block, the last: it is told when the block ends, all of it."""
        ended = self._end() if text and self._signature else b""
        begun = self._in("thinking", OutThinking(""))
        self._signature += signature
        return ended + begun + (self._delta(ThinkingPiece(text)) if text else b"")

    def _tool_use(self, piece: ToolUseStart | ToolUseDelta) -> bytes:
        if isinstance(piece, ToolUseStart):
            begun = self._end() + self._begin("tool_use", OutToolUse(piece.id, piece.name))
            self._call, self._calls[piece.index] = piece.index, _Call(self._index)
            return begun
        call = self._calls.get(piece.index)
        if call is None:  # whole already, or never begun
            return b""
        call.arguments += piece.arguments
        return _event("content_block_delta", BlockDelta(call.block, JsonPiece(piece.arguments)))

    def _in(self, kind: Kind, block: OutBlock) -> bytes:
        """What has to come first, so that a delta of that kind may follow."""
        return b"" if self._kind == kind else self._end() + self._begin(kind, block)

    def _whole(self, kind: Kind, block: OutBlock) -> bytes:
        return self._end() + self._begin(kind, block) + self._end()

    def _begin(self, kind: Kind, block: OutBlock) -> bytes:
        self._kind = kind
        self._index += 1
        return _event("content_block_start", BlockStart(self._index, block))

    def _end(self, *, whole: bool = False) -> bytes:
        """Of the block that is written; `whole`: it is said to be complete."""
        kind, self._kind = self._kind, ""
        if not kind:
            return b""
        if kind == "tool_use":
            return self._stop(self._call) if whole or is_object(self._calls[self._call].arguments) else b""
        signature, self._signature = self._signature, ""
        signed = self._delta(SignaturePiece(signature)) if signature else b""
        return signed + _event("content_block_stop", BlockStop(self._index))

    def _stop(self, call: int) -> bytes:
        return _event("content_block_stop", BlockStop(self._calls.pop(call).block))

    def _delta(self, piece: OutPiece) -> bytes:
        return _event("content_block_delta", BlockDelta(self._index, piece))


def _event(name: str, event: Content) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"
