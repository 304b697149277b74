"""The chunks of a streamed completion: each piece of a neutral answer as the bytes that its client gets."""

from collections.abc import Sequence
from typing import TypeVar

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
from packhouse.domain.chat_part import Citation, Foreign
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.cited import (
    OutAnnotation,
    OutCitation,
    OutForeign,
    OutSpecific,
    Span,
    annotations,
    other_citations,
    specific,
)
from packhouse.entrypoints.gateway.openai.usage import WireUsage, wire_usage
from packhouse.entrypoints.gateway.openai.write import (
    FINISH,
    NO_ARGUMENTS,
    REFUSAL,
    FinishReason,
    Heading,
    OutRedacted,
    OutThinking,
    OutThought,
    thought,
)

DONE_EVENT = b"data: [DONE]\n\n"

Entry = TypeVar("Entry", OutAnnotation, OutCitation, OutForeign, OutThinking | OutRedacted)


class OutDeltaCall(Content, frozen=True):
    index: int
    function: dict[str, str]
    id: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET


class OutDelta(Content, frozen=True, kw_only=True):
    role: str | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    refusal: str | msgspec.UnsetType = msgspec.UNSET
    annotations: tuple[OutAnnotation, ...] | msgspec.UnsetType = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    thinking_blocks: tuple[OutThought, ...] | msgspec.UnsetType = msgspec.UNSET
    tool_calls: tuple[OutDeltaCall, ...] | msgspec.UnsetType = msgspec.UNSET
    provider_specific_fields: OutSpecific | msgspec.UnsetType = msgspec.UNSET


class OutChunkChoice(Content, frozen=True, kw_only=True):
    index: int = 0
    delta: OutDelta
    logprobs: None = None
    finish_reason: FinishReason | None = None
    stop_reason: str | msgspec.UnsetType = msgspec.UNSET


class Chunk(Content, frozen=True, kw_only=True):
    id: str
    object: str = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[OutChunkChoice, ...]
    usage: WireUsage | msgspec.UnsetType | None = msgspec.UNSET
    packhouse: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ChunkWriter:
    """Writes the chunks of one stream as server-sent events.

    Text and thought go out as they come. What tells of a whole part (a thought's signature, the places that a text
    cites) goes out when the part is complete.
    """

    def __init__(self, heading: Heading, *, include_usage: bool) -> None:
        self._heading = heading
        self._include_usage = include_usage
        self._thought: list[str] = []
        self._signature = ""
        self._cited: list[Citation] = []
        self._bare = set[int]()
        self._entries = dict[str, int]()
        self._begun_at = 0
        self._written = 0

    def opening(self) -> bytes:
        return self._event(OutDelta(role="assistant", content=""))

    def piece(self, piece: ChatPiece) -> bytes:
        """Nothing where a piece says nothing that has to go out now."""
        match piece:
            case TextDelta(text=text):
                ended = self._end_of_thought()
                self._written += len(text)
                return ended + self._event(OutDelta(content=text))
            case ThinkingDelta():
                return self._thinking(piece)
            case ToolUseStart(index=index, id=id_, name=name):
                self._bare.add(index)
                call = OutDeltaCall(index, {"name": name, "arguments": ""}, id_, "function")
                return self._ended() + self._event(OutDelta(tool_calls=(call,)))
            case ToolUseDelta(index=index, arguments=arguments):
                return self._arguments(index, arguments) if arguments else b""
            case CitationDelta(citation=cited):
                self._cited.append(cited)
                return self._end_of_thought()
            case ForeignPiece(part=part):
                return self._ended() + self._event(OutDelta(provider_specific_fields=self._beside(foreign=(part,))))
            case PartEnd():
                return self._ended()
            case StreamEnd():
                return self._ended() + self._nothing_given() + self._finish(piece)

    def closing(self, tokens: ModelTokens, *, packhouse: msgspec.Raw | None = None) -> bytes:
        """The usage, where the client asked for it, and what goes along with a grounded answer."""
        if not self._include_usage and packhouse is None:
            return DONE_EVENT
        usage = wire_usage(tokens) if self._include_usage else msgspec.UNSET
        last = self._chunk((), usage=usage, packhouse=packhouse or msgspec.UNSET)
        return _sse(last) + DONE_EVENT

    def _thinking(self, piece: ThinkingDelta) -> bytes:
        if piece.redacted:
            return self._ended() + self._whole_thought(thought("", redacted=piece.redacted))
        ended = self._ended() if piece.text and self._signature else self._end_of_text()
        self._signature += piece.signature
        if not piece.text:
            return ended
        self._thought.append(piece.text)
        return ended + self._event(OutDelta(reasoning_content=piece.text))

    def _arguments(self, index: int, arguments: str) -> bytes:
        self._bare.discard(index)
        return self._event(OutDelta(tool_calls=(OutDeltaCall(index, {"arguments": arguments}),)))

    def _nothing_given(self) -> bytes:
        """Calls without a word of arguments: this dialect's clients read all of them as an object."""
        return b"".join(self._arguments(index, NO_ARGUMENTS) for index in sorted(self._bare))

    def _finish(self, end: StreamEnd) -> bytes:
        refused = end.stop_reason == "refused"
        delta = OutDelta(
            refusal=REFUSAL if refused else msgspec.UNSET,  # what the model said of it has gone out as its text
            provider_specific_fields=specific(stop_reason=end.stop_reason),
        )
        choice = OutChunkChoice(
            delta=delta, finish_reason=FINISH[end.stop_reason], stop_reason=end.stop_sequence or msgspec.UNSET
        )
        return _sse(self._chunk((choice,), usage=self._no_usage()))

    def _ended(self) -> bytes:
        """What is to be told of the part that was being written."""
        return self._end_of_thought() + self._end_of_text()

    def _end_of_thought(self) -> bytes:
        """A thought without a signature needs no block: its text says all of it."""
        if not self._signature:
            self._thought.clear()
            return b""
        block = thought("".join(self._thought), signature=self._signature)
        self._thought.clear()
        self._signature = ""
        return self._whole_thought(block)

    def _whole_thought(self, block: OutThought) -> bytes:
        return self._event(OutDelta(thinking_blocks=self._placed("thinking_blocks", (block,))))

    def _end_of_text(self) -> bytes:
        span = Span(self._begun_at, self._written)
        self._begun_at = self._written
        if not self._cited:
            return b""
        pages = self._placed("annotations", annotations(self._cited, span))
        others = self._beside(other_citations(self._cited, span))
        self._cited.clear()
        return self._event(OutDelta(annotations=pages or msgspec.UNSET, provider_specific_fields=others))

    def _beside(
        self, citations: Sequence[OutCitation] = (), *, foreign: Sequence[Foreign] = ()
    ) -> OutSpecific | msgspec.UnsetType:
        given = specific(citations, foreign=foreign)
        if isinstance(given, msgspec.UnsetType):
            return given
        cited, blocks = self._placed("citations", given.citations), self._placed("blocks", given.blocks)
        return msgspec.structs.replace(given, citations=cited, blocks=blocks)

    def _placed(self, name: str, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """With their places in the list of that name."""
        first = self._entries.get(name, 0)
        self._entries[name] = first + len(entries)
        return tuple(msgspec.structs.replace(entry, index=first + place) for place, entry in enumerate(entries))

    def _no_usage(self) -> msgspec.UnsetType | None:
        return None if self._include_usage else msgspec.UNSET

    def _event(self, delta: OutDelta) -> bytes:
        return _sse(self._chunk((OutChunkChoice(delta=delta),), usage=self._no_usage()))

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
