"""Relayed answers on their way to the client: as they came, but for what OpenAI's description requires of them.

Most servers leave out fields that say nothing, and OpenAI itself sends null where its own description forbids it. The
bytes around them stay as they are.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.openai_usage import OpenAIUsage
from packhouse.entrypoints.gateway.openai.body import DONE

_CHOICE = re.compile(rb'"choices"\s*:\s*\[\s*\{')
_MESSAGE = re.compile(rb'"message"\s*:\s*\{')
_NO_FINGERPRINT = re.compile(rb',\s*"system_fingerprint"\s*:\s*null')


class _Last(Content, frozen=True):
    choices: tuple[msgspec.Raw, ...] = ()
    usage: OpenAIUsage | None = None
    moderation: msgspec.Raw = msgspec.Raw(b"")


_last = msgspec.json.Decoder(_Last)


def completed(answer: bytes) -> bytes:
    """A whole answer with the fields that it has to have."""
    if b'"logprobs"' not in answer:
        answer = _with(_CHOICE, answer, field=b'"logprobs":null,')
    if b'"refusal"' not in answer:
        answer = _with(_MESSAGE, answer, field=b'"refusal":null,')
    if b'"content"' not in answer:
        answer = _with(_MESSAGE, answer, field=b'"content":null,')
    return _without_null(answer)


async def events(payloads: AsyncGenerator[bytes, None], *, include_usage: bool) -> AsyncGenerator[bytes, None]:
    """The provider's events; the usage that only we asked for is left out."""
    async with aclosing(payloads):
        async for payload in payloads:
            if payload == DONE or (not include_usage and b'"usage"' in payload and _is_usage_alone(payload)):
                continue
            if b'"finish_reason"' not in payload:
                payload = _with(_CHOICE, payload, field=b'"finish_reason":null,')
            yield b"data: " + _without_null(payload) + b"\n\n"
    yield b"data: [DONE]\n\n"  # after the call is settled, which happens when the payloads end


def _with(place: re.Pattern[bytes], answer: bytes, *, field: bytes) -> bytes:
    """A name between quotation marks occurs as a name alone: within a text its marks are escaped."""
    found = place.search(answer)
    return answer[: found.end()] + field + answer[found.end() :] if found else answer


def _without_null(answer: bytes) -> bytes:
    return _NO_FINGERPRINT.sub(b"", answer, 1) if b'"system_fingerprint"' in answer else answer


def _is_usage_alone(payload: bytes) -> bool:
    last = _last.decode(payload)  # it is JSON: the call has read it
    return last.usage is not None and not last.choices and not bytes(last.moderation)
