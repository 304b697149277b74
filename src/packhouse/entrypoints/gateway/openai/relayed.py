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

# A name between quotation marks occurs as a name alone: within a text its marks are escaped.
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
    beside = b"" if b'"logprobs"' in answer else b'"logprobs":null,'
    within = b"" if b'"refusal"' in answer else b'"refusal":null,'
    if b'"content"' not in answer:
        within += b'"content":null,'
    if (beside or within) and (found := _MESSAGE.search(answer)):
        start, end = found.span()
        answer = b"".join((answer[:start], beside, answer[start:end], within, answer[end:]))
    return _without_null(answer)


async def events(payloads: AsyncGenerator[bytes, None], *, include_usage: bool) -> AsyncGenerator[bytes, None]:
    """The provider's events; the usage that only we asked for is left out."""
    async with aclosing(payloads):
        async for payload in payloads:
            if payload == DONE or (not include_usage and b'"usage"' in payload and _is_usage_alone(payload)):
                continue
            if b'"finish_reason"' not in payload:
                payload = _unfinished(payload)
            yield b"data: " + _without_null(payload) + b"\n\n"
    yield b"data: [DONE]\n\n"  # after the call is settled, which happens when the payloads end


def _unfinished(payload: bytes) -> bytes:
    found = _CHOICE.search(payload)
    if found is None:
        return payload
    return payload[: found.end()] + b'"finish_reason":null,' + payload[found.end() :]


def _without_null(answer: bytes) -> bytes:
    return _NO_FINGERPRINT.sub(b"", answer, 1) if b'"system_fingerprint"' in answer else answer


def _is_usage_alone(payload: bytes) -> bool:
    last = _last.decode(payload)  # it is JSON: the call has read it
    return last.usage is not None and not last.choices and not bytes(last.moderation)
