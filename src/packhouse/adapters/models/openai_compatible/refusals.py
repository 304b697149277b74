"""From what a server says no with to a refusal of our own.

What concerns the caller's request is passed on in the server's words. What concerns the operator's account is
not: its words may name keys, projects and hosts.
"""

from typing import Any

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

_MESSAGE_CHARACTERS_MAX = 600
_TIMEOUTS = frozenset({408, 504})
_MODEL_FAILED = 424
_OPERATORS = frozenset({401, 402, 403, 407})


class _Fault(Content, frozen=True):
    message: str | None = None
    code: str | int | None = None


class _Body(Content, frozen=True):
    """The shapes in use: `{"error": {…}}`, `{"error": "…"}`, `{"object": "error", …}`, `{"detail": …}`."""

    error: dict[str, Any] | str | None = None
    object: str | None = None
    message: str | None = None
    code: str | int | None = None
    detail: Any = None

    def fault(self) -> _Fault | None:
        if isinstance(self.error, str):
            return _Fault(self.error)
        if self.error is not None:
            return msgspec.convert(self.error, _Fault, strict=False)
        if self.object == "error":
            return _Fault(self.message, self.code)
        return None


def refusal(status: int, body: bytes, *, retry_after: str | None = None) -> Refused:
    """What an answer with another status than 200 means."""
    if status in _OPERATORS:
        said = "The model's provider does not let this installation ask it. Tell the operator."
        return Refused("provider_refused", said, status=status)
    if status in _TIMEOUTS:
        return Refused("provider_timeout", "The model's provider did not answer in time.", status=status)
    if status == 429:
        return _throttled(retry_after)
    if 400 <= status < 500 and status != _MODEL_FAILED:
        read = _read(body)
        fault = read.fault() or _Fault(read.message or _detail(read))
        return _refused(fault, status)
    return Refused("provider_failed", f"The model's provider answered with status {status}.", status=status)


def error_within(payload: bytes) -> Refused | None:
    """The refusal that a payload or an answer with status 200 holds instead of an answer, if it does."""
    fault = _read(payload).fault()
    if fault is None:
        return None
    code = str(fault.code)
    status = int(code) if code.isdecimal() else 0
    if 400 <= status < 600:
        return refusal(status, payload)
    if _is_context(fault):
        return _refused(fault, 400)
    return Refused("provider_failed", "The model's provider broke off with an error.")


def _read(body: bytes) -> _Body:
    try:
        return msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Body()


def _detail(body: _Body) -> str | None:
    return body.detail if isinstance(body.detail, str) else None


def _refused(fault: _Fault, status: int) -> Refused:
    said = (fault.message or f"it answered with status {status}")[:_MESSAGE_CHARACTERS_MAX]
    if _is_context(fault):
        return Refused("context_exceeded", f"The input does not fit into the model's context window: {said}")
    return Refused("provider_refused", f"The model's provider refused the request: {said}", status=status)


def _is_context(fault: _Fault) -> bool:
    return fault.code == "context_length_exceeded" or "maximum context length" in (fault.message or "")


def _throttled(retry_after: str | None) -> Refused:
    message = "The model's provider is throttling; try again later."
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return Refused("provider_throttled", message)
    return Refused("provider_throttled", message, retry_after_seconds=max(seconds, 0.0))
