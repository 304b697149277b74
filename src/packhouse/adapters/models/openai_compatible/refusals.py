"""From what a server says no with to a refusal of our own.

What concerns the caller's request is passed on in the server's words. What concerns the operator's account is
not: its words may name keys, projects and hosts.
"""

from math import isfinite
from typing import Any, cast

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

_MESSAGE_CHARACTERS_MAX = 600
_TIMEOUTS = frozenset({408, 504})
_MODEL_FAILED = 424
_CONTEXT_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_CONTEXT_WORDS = ("maximum context length", "maximum model length", "available context size", "context window")
_OPERATORS = frozenset({401, 402, 403, 407})
_PAYMENT_REQUIRED = 402
_OF_THE_ACCOUNT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""What a server may say with 429 or 400, though neither waiting nor another request helps."""


class _Fault(Content, frozen=True):
    message: str = ""
    code: str = ""
    type: str = ""


class _Body(Content, frozen=True):
    """The shapes in use: `{"error": {…}}`, `{"error": "…"}`, `{"object": "error", …}`, `{"detail": …}`."""

    error: Any = None
    object: Any = None
    message: Any = None
    code: Any = None
    type: Any = None
    detail: Any = None

    def fault(self) -> _Fault | None:
        if isinstance(self.error, dict):
            return _fault(cast("dict[str, Any]", self.error))
        if self.error:
            return _Fault(_words(self.error))
        if str(self.object).lower() == "error":
            return _Fault(_words(self.message), _word(self.code), _word(self.type))
        return None


def _fault(error: dict[str, Any]) -> _Fault:
    return _Fault(_words(error.get("message")), _word(error.get("code")), _word(error.get("type")))


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _words(value: Any) -> str:
    """A sentence, or what a server that checks fields says of each: where it is, and what is wrong."""
    match value:
        case str():
            return value
        case {"detail": detail}:
            return _words(detail)
        case [*several]:
            return "; ".join(filter(None, map(_words, several)))
        case {"loc": [*places], "msg": str(said)}:
            return f"{'.'.join(map(str, places))}: {said}"
        case _:
            return ""


def refusal(status: int, body: bytes, *, retry_after: str | None = None) -> Refused:
    """What an answer with another status than 200 means."""
    read = _read(body)
    fault = read.fault() or _Fault(_words(read.message) or _words(read.detail))
    if _is_of_the_account(fault):
        status = _PAYMENT_REQUIRED
    if status in _OPERATORS:
        said = "The model's provider does not let this installation ask it. Tell the operator."
        return Refused("provider_refused", said, status=status)
    if status in _TIMEOUTS:
        return Refused("provider_timeout", "The model's provider did not answer in time.", status=status)
    if status == 429:
        said = "The model's provider is throttling; try again later."
        return Refused("provider_throttled", said, status=status, **_wait(retry_after))
    if 400 <= status < 500 and status != _MODEL_FAILED:
        return _refused(fault, status)
    said = f"The model's provider answered with status {status}."
    return Refused("provider_failed", said, status=status, **_wait(retry_after))


def error_within(payload: bytes) -> Refused | None:
    """The refusal that a payload or an answer with status 200 holds instead of an answer, if it does."""
    fault = _read(payload).fault()
    if fault is None:
        return None
    status = int(fault.code) if len(fault.code) == 3 and fault.code.isdecimal() else 0
    if 400 <= status < 600 or _is_of_the_account(fault):
        return refusal(status, payload)
    if _is_context(fault):
        return _refused(fault, 400)
    return Refused("provider_failed", "The model's provider broke off with an error.")


def _read(body: bytes) -> _Body:
    try:
        return msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Body()


def _refused(fault: _Fault, status: int) -> Refused:
    said = (fault.message or f"it answered with status {status}")[:_MESSAGE_CHARACTERS_MAX]
    if _is_context(fault):
        return Refused("context_exceeded", f"The input does not fit into the model's context window: {said}")
    return Refused("provider_refused", f"The model's provider refused the request: {said}", status=status)


def _is_of_the_account(fault: _Fault) -> bool:
    return not _OF_THE_ACCOUNT.isdisjoint((fault.code, fault.type))


def _is_context(fault: _Fault) -> bool:
    said = fault.message
    return not _CONTEXT_CODES.isdisjoint((fault.code, fault.type)) or any(words in said for words in _CONTEXT_WORDS)


def _wait(retry_after: str | None) -> dict[str, float]:
    """How long the server wants to be left alone, where it says so in seconds."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return {}
    return {"retry_after_seconds": max(seconds, 0.0)} if isfinite(seconds) else {}
