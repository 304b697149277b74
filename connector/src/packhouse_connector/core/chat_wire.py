"""Chat on the wire: the OpenAI dialect with Packhouse's field for knowledge."""

from collections.abc import Sequence

import msgspec

from packhouse_connector.core.call import Call, Operation, post, reader
from packhouse_connector.core.chat import (
    Answer,
    ChatOptions,
    ChatSettings,
    Knowledge,
    Message,
    MessageLike,
    Reference,
    StopReason,
)
from packhouse_connector.core.response import Response
from packhouse_connector.core.usage import Usage

_PATH = "/v1/chat/completions"

_STOP_REASONS: dict[str, StopReason] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_use",
    "content_filter": "filtered",
}


class _Asked(msgspec.Struct, frozen=True):
    knowledge: tuple[Knowledge, ...]


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


class _Request(msgspec.Struct, omit_defaults=True, kw_only=True):
    messages: tuple[MessageLike, ...]
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    packhouse: _Asked | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None


class WireUsage(msgspec.Struct):
    """`usage` of the OpenAI dialect."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None


class _Embeddings(msgspec.Struct):
    input_tokens: int = 0


class _GroundingUsage(msgspec.Struct):
    embeddings: _Embeddings = msgspec.field(default_factory=_Embeddings)


class Grounding(msgspec.Struct):
    """Packhouse's own field of a grounded answer."""

    references: tuple[Reference, ...] = ()
    usage: _GroundingUsage = msgspec.field(default_factory=_GroundingUsage)


class _AnswerMessage(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _AnswerMessage
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: tuple[_Choice, ...]
    model: str = ""
    usage: WireUsage | None = None
    packhouse: Grounding | None = None


_completion = reader(_Completion)


def ask(question: str | None, messages: Sequence[MessageLike], *, options: ChatOptions) -> Operation[Answer]:
    """One question, after `messages`, answered as a whole."""
    return Operation(_call(question, messages, options=options, stream=False), _read)


def ask_streaming(question: str | None, messages: Sequence[MessageLike], *, options: ChatOptions) -> Call:
    """The same question, answered piece by piece: `chat_stream.ChatReader` reads it."""
    return _call(question, messages, options=options, stream=True)


def _call(question: str | None, messages: Sequence[MessageLike], *, options: ChatOptions, stream: bool) -> Call:
    settings = ChatSettings(**options)
    system = () if settings.system is None else (Message("system", settings.system),)
    last = () if question is None else (Message("user", question),)
    turns = (*system, *messages, *last)
    if len(turns) == len(system):
        raise ValueError("Ask a question, or give messages.")
    request = _Request(
        messages=turns,
        model=settings.model,
        max_tokens=settings.output_tokens_max,
        temperature=settings.temperature,
        top_p=settings.top_p,
        stop=settings.stop,
        seed=settings.seed,
        stream=stream,
        stream_options=_StreamOptions(include_usage=True) if stream else None,
        packhouse=_Asked(settings.knowledges) if settings.knowledges else None,
    )
    return post(_PATH, request)


def _read(response: Response) -> Answer:
    completion = _completion(response)
    choice = completion.choices[0] if completion.choices else _Choice(_AnswerMessage())
    return Answer(
        text=choice.message.content or "",
        usage=usage_of(completion.usage, completion.packhouse),
        model=completion.model,
        references=completion.packhouse.references if completion.packhouse else (),
        stop_reason=stop_reason(choice.finish_reason),
        request_id=response.request_id,
    )


def stop_reason(finish_reason: str | None) -> StopReason:
    """The dialect's word in Packhouse's own."""
    return _STOP_REASONS.get(finish_reason or "", "other")


def usage_of(usage: WireUsage | None, grounding: Grounding | None) -> Usage:
    """What the chat consumed, at the text model and, grounded, at the embeddings model."""
    counted = usage or WireUsage()
    details = counted.prompt_tokens_details
    return Usage(
        counted.prompt_tokens or 0,
        counted.completion_tokens or 0,
        (details.cached_tokens or 0) if details else 0,
        grounding.usage.embeddings.input_tokens if grounding else 0,
    )
