"""From neutral answers to the OpenAI dialect: whole ones, and what streamed ones have in common with them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeVar

import msgspec

from packhouse.domain.chat import ChatAnswer, StopReason
from packhouse.domain.chat_part import Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.cited import (
    OutAnnotation,
    OutSpecific,
    Span,
    annotations,
    other_citations,
    specific,
)
from packhouse.entrypoints.gateway.openai.usage import WireUsage, wire_usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
FINISH: Mapping[StopReason, FinishReason] = {
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

Kind = TypeVar("Kind")

NO_ARGUMENTS = "{}"

REFUSAL = "The model refused to answer."
"""Stands in `refusal` where the model gave no words of its own for it."""


class OutFunction(Content, frozen=True):
    name: str
    arguments: str


class OutToolCall(Content, frozen=True):
    id: str
    function: OutFunction
    type: str = "function"


class OutThinking(Content, frozen=True, tag="thinking"):
    thinking: str
    signature: str


class OutRedacted(Content, frozen=True, tag="redacted_thinking"):
    data: str


OutThought = OutThinking | OutRedacted


class OutMessage(Content, frozen=True, kw_only=True):
    role: str = "assistant"
    content: str | None
    refusal: str | None = None
    annotations: list[OutAnnotation] | msgspec.UnsetType = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    thinking_blocks: list[OutThought] | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[OutToolCall] | msgspec.UnsetType = msgspec.UNSET
    provider_specific_fields: OutSpecific | msgspec.UnsetType = msgspec.UNSET


class OutChoice(Content, frozen=True, kw_only=True):
    """`stop_reason` is the stop sequence that ended the answer, where it is known: vLLM's word for it."""

    index: int = 0
    message: OutMessage
    logprobs: None = None
    finish_reason: FinishReason
    stop_reason: str | msgspec.UnsetType = msgspec.UNSET


class Completion(Content, frozen=True, kw_only=True):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: tuple[OutChoice, ...]
    usage: WireUsage
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
    choice = OutChoice(
        message=_message(answer),
        finish_reason=FINISH[answer.stop_reason],
        stop_reason=answer.stop_sequence or msgspec.UNSET,
    )
    return msgspec.json.encode(
        Completion(
            id=heading.id,
            created=heading.created,
            model=heading.model,
            choices=(choice,),
            usage=wire_usage(tokens),
            packhouse=packhouse or msgspec.UNSET,
        )
    )


def thought(text: str, *, signature: str = "", redacted: str = "") -> OutThought:
    return OutRedacted(redacted) if redacted else OutThinking(text, signature)


def _message(answer: ChatAnswer) -> OutMessage:
    parts, text = answer.parts, answer.text
    calls = [
        OutToolCall(part.id, OutFunction(part.name, part.arguments or NO_ARGUMENTS)) for part in _of(ToolUse, parts)
    ]
    refused = answer.stop_reason == "refused"
    thoughts = list(_of(Thinking, parts))
    signed = any(part.signature or part.redacted for part in thoughts)
    blocks = [thought(part.text, signature=part.signature, redacted=part.redacted) for part in thoughts]
    cited = [(part.citations, span) for part, span in _spans(parts) if part.citations]
    pages = [each for citations, span in cited for each in annotations(citations, span)]
    others = [each for citations, span in cited for each in other_citations(citations, span)]
    return OutMessage(
        content=None if refused or (calls and not text) else text,
        refusal=(text or REFUSAL) if refused else None,
        annotations=pages or msgspec.UNSET,
        reasoning_content="".join(part.text for part in thoughts) or msgspec.UNSET,
        thinking_blocks=blocks if signed else msgspec.UNSET,
        tool_calls=calls or msgspec.UNSET,
        provider_specific_fields=specific(others, foreign=_of(Foreign, parts), stop_reason=answer.stop_reason),
    )


def _of(kind: type[Kind], parts: Iterable[Part]) -> Iterator[Kind]:
    return (part for part in parts if isinstance(part, kind))


def _spans(parts: Iterable[Part]) -> Iterator[tuple[Text, Span]]:
    """Each text with its place in the content."""
    start = 0
    for part in parts:
        if isinstance(part, Text):
            yield part, Span(start, start + len(part.text))
            start += len(part.text)
