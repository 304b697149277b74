"""From ConverseStream's events to the neutral pieces."""

from collections.abc import Callable, Sequence

import msgspec

from packhouse.adapters.models.bedrock import wire_in
from packhouse.adapters.models.bedrock.answer import stop_reason, stop_sequence
from packhouse.adapters.models.bedrock.citations import citation_in
from packhouse.adapters.models.bedrock.eventstream import Frame, malformed
from packhouse.adapters.models.bedrock.gathered import Gathered
from packhouse.adapters.models.bedrock.refusals import refusal_in_stream
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
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

_start = msgspec.json.Decoder(wire_in.InBlockStart)
_delta = msgspec.json.Decoder(wire_in.InBlockDelta)
_block_stop = msgspec.json.Decoder(wire_in.InBlockStop)
_stop = msgspec.json.Decoder(wire_in.InStop)
_metadata = msgspec.json.Decoder(wire_in.InMetadata)
_use = msgspec.json.Decoder(wire_in.InToolUseStart)

_EMPTY = msgspec.Raw(b"{}")
_PLAIN = frozenset({"text", "reasoningContent", "citationsContent"})
"""Kinds of blocks that their deltas tell of; Bedrock itself announces none of them."""
_SERVER = "server_tool_use"
"""A tool that the service runs itself: not for the caller to answer."""


Pieces = Sequence[ChatPiece]


class StreamReader:
    """Reads a stream's frames in order; `end` closes it with what was learnt on the way."""

    def __init__(self) -> None:
        self.complete = False
        """Whether the last event, which tells of tokens, was read."""
        self._stop: StopReason | None = None
        self._stop_sequence = ""
        self._tokens: ModelTokens | None = None
        self._uses = 0
        self._use_of = dict[int, int]()
        self._gathered = dict[int, Gathered]()
        self._begun = set[int]()

    def read(self, frame: Frame) -> Pieces:
        """The pieces in one frame; an event that is not known has none. Raises the refusal that an exception means,
        `Refused` `provider_malformed` where the frame cannot be read."""
        if frame.header(":message-type") in ("exception", "error"):
            raise refusal_in_stream(frame)
        read = _READERS.get(frame.header(":event-type"))
        try:
            return read(self, frame.payload) if read is not None else ()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
            raise malformed() from error

    @property
    def stopped(self) -> bool:
        """Whether all parts were read: what may still come is the tokens."""
        return self._stop is not None

    def end(self) -> StreamEnd:
        """Refused(provider_cut) where the message did not stop."""
        if self._stop is None:
            raise Refused("provider_cut", "The model's provider broke off in the middle of its answer.")
        return StreamEnd(self._stop, self._tokens, self._stop_sequence)

    def block_start(self, payload: bytes) -> Pieces:
        event = _start.decode(payload)
        kind, fields = next(iter((event.start or {}).items()), ("", _EMPTY))
        if not kind or kind in _PLAIN:
            return ()
        place = event.content_block_index
        if kind == "toolUse":
            use = _use.decode(fields)
            if use.type != _SERVER:
                self._use_of[place] = self._uses
                self._begun.add(place)
                self._uses += 1
                return (ToolUseStart(self._uses - 1, use.tool_use_id, use.name),)
        self._gathered[place] = Gathered(kind, fields.copy())
        return ()

    def block_delta(self, payload: bytes) -> Pieces:
        event = _delta.decode(payload)
        delta, place = event.delta, event.content_block_index
        if (gathered := self._gathered.get(place)) is not None:
            gathered.add(payload)
            return ()
        if (use := delta.tool_use) is not None:
            return (ToolUseDelta(self._use_of[place], use.input),) if use.input else ()
        piece = _piece(delta)
        if piece is None:
            return ()
        self._begun.add(place)
        return (piece,)

    def block_stop(self, payload: bytes) -> Pieces:
        place = _block_stop.decode(payload).content_block_index
        if (gathered := self._gathered.pop(place, None)) is not None:
            return (ForeignPiece(gathered.part()),)
        if place not in self._begun:
            return ()
        self._begun.discard(place)
        return (PartEnd(),)

    def message_stop(self, payload: bytes) -> Pieces:
        event = _stop.decode(payload)
        self._stop = stop_reason(event.stop_reason, called=self._uses > 0)
        self._stop_sequence = stop_sequence(event.additional_model_response_fields)
        return ()

    def metadata(self, payload: bytes) -> Pieces:
        usage = _metadata.decode(payload).usage
        self._tokens = usage.tokens() if usage is not None else None
        self.complete = self._stop is not None
        return ()


_READERS: dict[str, Callable[[StreamReader, bytes], Pieces]] = {
    "contentBlockDelta": StreamReader.block_delta,
    "contentBlockStart": StreamReader.block_start,
    "contentBlockStop": StreamReader.block_stop,
    "messageStop": StreamReader.message_stop,
    "metadata": StreamReader.metadata,
}
"""By the type of the event. What the service adds later is passed over."""


def _piece(delta: wire_in.InDelta) -> ChatPiece | None:
    if delta.text:
        return TextDelta(delta.text)
    if (thought := delta.reasoning_content) is not None:
        if thought.text or thought.signature or thought.redacted_content:
            return ThinkingDelta(thought.text or "", thought.signature or "", thought.redacted_content or "")
    elif delta.citation is not None:
        return CitationDelta(citation_in(delta.citation))
    return None
