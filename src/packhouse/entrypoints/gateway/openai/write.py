"""From neutral answers to the OpenAI dialect: whole ones, and what streamed ones have in common with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from packhouse.domain.chat import ChatAnswer, StopReason
from packhouse.domain.chat_part import Citation, Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.cited import (
    OutAnnotation,
    OutCitation,
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
    index: int | msgspec.UnsetType = msgspec.UNSET


class OutRedacted(Content, frozen=True, tag="redacted_thinking"):
    data: str
    index: int | msgspec.UnsetType = msgspec.UNSET


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
    gathered = _Gathered(answer.parts)
    text = "".join(gathered.texts)
    refused = answer.stop_reason == "refused"
    signed = any(part.signature or part.redacted for part in gathered.thoughts)
    return OutMessage(
        content=None if refused or (gathered.calls and not text) else text,
        refusal=(text or REFUSAL) if refused else None,
        annotations=gathered.pages or msgspec.UNSET,
        reasoning_content="".join([part.text for part in gathered.thoughts]) or msgspec.UNSET,
        thinking_blocks=[*map(_block, gathered.thoughts)] if signed else msgspec.UNSET,
        tool_calls=gathered.calls or msgspec.UNSET,
        provider_specific_fields=specific(gathered.others, foreign=gathered.foreign, stop_reason=answer.stop_reason),
    )


def _block(part: Thinking) -> OutThought:
    return thought(part.text, signature=part.signature, redacted=part.redacted)


class _Gathered:
    """An answer's parts by what the dialect makes of them."""

    __slots__ = ("calls", "foreign", "others", "pages", "texts", "thoughts")

    def __init__(self, parts: Iterable[Part]) -> None:
        self.texts: list[str] = []
        self.thoughts: list[Thinking] = []
        self.calls: list[OutToolCall] = []
        self.foreign: list[Foreign] = []
        self.pages: list[OutAnnotation] = []
        self.others: list[OutCitation] = []
        for part in parts:
            self._add(part)

    def _add(self, part: Part) -> None:
        match part:
            case Text(text=text, citations=citations):
                if citations:
                    self._cite(citations, len(text))
                self.texts.append(text)
            case ToolUse(id=id_, name=name, arguments=arguments):
                self.calls.append(OutToolCall(id_, OutFunction(name, arguments or NO_ARGUMENTS)))
            case Thinking():
                self.thoughts.append(part)
            case Foreign():
                self.foreign.append(part)
            case _:
                pass  # no model answers with anything else

    def _cite(self, citations: Sequence[Citation], length: int) -> None:
        start = sum(map(len, self.texts))
        span = Span(start, start + length)
        self.pages += annotations(citations, span)
        self.others += other_citations(citations, span)
