"""From what Anthropic says no with to a refusal of our own.

What concerns the caller's request is passed on in its words; what concerns the operator's account is not.
"""

from math import isfinite

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

_MESSAGE_CHARACTERS_MAX = 600
_STATUS_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TOO_LONG = ("prompt is too long", "exceed context limit", "context window")
_OF_THE_ACCOUNT = ("credit balance", "usage limits")
"""What an invalid request may say, though it is not the request's fault."""

_OPERATORS = frozenset({401, 402, 403})
_TIMEOUTS = frozenset({408, 504})


class _Error(Content, frozen=True):
    type: str = ""
    message: str = ""


class _Body(Content, frozen=True):
    error: _Error | None = None


_body = msgspec.json.Decoder(_Body)


def refusal(status: int, body: bytes, *, retry_after: str | None = None) -> Refused:
    """What an answer with another status than 200 means."""
    error = _error(body)
    if status == 400 and any(words in error.message for words in _OF_THE_ACCOUNT):
        status = 402
    if status in _TIMEOUTS:
        return Refused("provider_timeout", "The model's provider did not answer in time.", status=status)
    if status == 429:
        return _throttled(status, retry_after)
    if status in _OPERATORS:
        said = "The model's provider does not let this installation ask it. Tell the operator."
        return Refused("provider_refused", said, status=status)
    if 400 <= status < 500 and status != 424:
        return _refused(error, status)
    said = "is overloaded; try again later" if status == 529 else f"answered with status {status}"
    return Refused("provider_failed", f"The model's provider {said}.", status=status, **_wait(retry_after))


def error_within(payload: bytes) -> Refused:
    """What an error event in the middle of a stream means."""
    error = _error(payload)
    return refusal(_STATUS_BY_TYPE.get(error.type, 500), payload)


def _error(body: bytes) -> _Error:
    try:
        return _body.decode(body).error or _Error()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()


def _refused(error: _Error, status: int) -> Refused:
    said = (error.message or f"it answered with status {status}")[:_MESSAGE_CHARACTERS_MAX]
    if any(words in said for words in _TOO_LONG):
        return Refused("context_exceeded", f"The input does not fit into the model's context window: {said}")
    return Refused("provider_refused", f"The model's provider refused the request: {said}", status=status)


def _throttled(status: int, retry_after: str | None) -> Refused:
    return Refused(
        "provider_throttled",
        "The model's provider is throttling; try again later.",
        status=status,
        **_wait(retry_after),
    )


def _wait(retry_after: str | None) -> dict[str, float]:
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return {}
    return {"retry_after_seconds": max(0.0, seconds)} if isfinite(seconds) else {}
