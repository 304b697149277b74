"""The pieces of a streamed answer, put together and taken apart."""

from collections.abc import Iterable, Iterator

import msgspec
import pytest

from packhouse.domain.chat import (
    ChatAnswer,
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
from packhouse.domain.chat_part import Foreign, Part, Text, Thinking, ToolUse


def joined(pieces: Iterable[ChatPiece]) -> ChatAnswer:
    """The whole answer that the pieces are of."""
    parts, open_ = list[Part](), False
    for piece in pieces:
        last = parts[-1] if open_ else None
        match piece, last:
            case TextDelta(text), Text() as said:
                parts[-1] = Text(said.text + text, said.citations)
            case CitationDelta(citation), Text() as said:
                parts[-1] = Text(said.text, (*said.citations, citation))
            case ThinkingDelta(text, signature, redacted), Thinking() as thought:
                parts[-1] = Thinking(thought.text + text, thought.signature + signature, redacted)
            case ToolUseDelta(_, arguments), ToolUse() as use:
                parts[-1] = ToolUse(use.id, use.name, use.arguments + arguments)
            case TextDelta(text), _:
                parts.append(Text(text))
            case CitationDelta(citation), _:
                parts.append(Text("", (citation,)))
            case ThinkingDelta(text, signature, redacted), _:
                parts.append(Thinking(text, signature, redacted))
            case ToolUseStart(_, use_id, name), _:
                parts.append(ToolUse(use_id, name, ""))
            case ForeignPiece(part), _:
                parts.append(part)
            case StreamEnd(stop, tokens, sequence), _:
                return ChatAnswer(tuple(with_arguments(part) for part in parts), stop, tokens, sequence)
            case _:
                pass
        open_ = not isinstance(piece, PartEnd | ForeignPiece)
    pytest.fail("the stream has no end")


def with_arguments(part: Part) -> Part:
    return msgspec.structs.replace(part, arguments=part.arguments or "{}") if isinstance(part, ToolUse) else part


def pieces_of(answer: ChatAnswer, *, size: int = 3) -> Iterator[ChatPiece]:
    """The answer in pieces of `size` characters, each part with its end."""
    calls = 0
    for part in answer.parts:
        match part:
            case Text(text, citations):
                yield from (TextDelta(each) for each in _cut(text, size))
                yield from map(CitationDelta, citations)
            case Thinking(_, _, redacted) if redacted:
                yield ThinkingDelta(redacted=redacted)
            case Thinking(text, signature):
                yield from (ThinkingDelta(each) for each in _cut(text, size))
                yield from (ThinkingDelta(signature=each) for each in _cut(signature, size))
            case ToolUse(use_id, name, arguments):
                yield ToolUseStart(calls, use_id, name)
                yield from (ToolUseDelta(calls, each) for each in _cut(arguments, size))
                calls += 1
            case Foreign():
                yield ForeignPiece(part)
            case _:
                pytest.fail(f"{part!r} is in no answer")
        if not isinstance(part, Foreign):
            yield PartEnd()
    yield StreamEnd(answer.stop_reason, answer.tokens, answer.stop_sequence)


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))
