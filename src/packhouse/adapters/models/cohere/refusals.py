"""From what Cohere says no with to a refusal of our own.

What concerns the caller's request is passed on in its words; what concerns the operator's account is not.
"""

import re
from math import isfinite

import msgspec

from packhouse.adapters.models.cohere import wire
from packhouse.domain.errors import Refused

_MESSAGE_CHARACTERS_MAX = 600
_OPERATORS = frozenset({401, 402, 403})
_TIMEOUTS = frozenset({408, 504})
_OF_THE_SERVICE = frozenset({424, 499})
"""Below 500, and yet not the caller's doing: the service gave the call up."""

_TOO_LONG = re.compile(r"too (long|many tokens)|(maximum|max) (context|token|input)|token limit", re.IGNORECASE)
_error = msgspec.json.Decoder(wire.InError)


def refusal(status: int, body: bytes, *, retry_after: str | None = None) -> Refused:
    """What an answer with another status than 200 means."""
    if status in _OPERATORS:
        said = "The model's provider does not let this installation ask it. Tell the operator."
        return Refused("provider_refused", said, status=status)
    if status in _TIMEOUTS:
        return Refused("provider_timeout", "The model's provider did not answer in time.", status=status)
    if status == 429:
        said = "The model's provider is throttling; try again later."
        return Refused("provider_throttled", said, status=status, **_wait(retry_after))
    if 400 <= status < 500 and status not in _OF_THE_SERVICE:
        return _refused(_said(body, status), status)
    said = f"The model's provider answered with status {status}."
    return Refused("provider_failed", said, status=status, **_wait(retry_after))


def _refused(said: str, status: int) -> Refused:
    if status in (400, 413) and _TOO_LONG.search(said):
        return Refused("context_exceeded", f"The input does not fit into the model's context window: {said}")
    return Refused("provider_refused", f"The model's provider refused the request: {said}", status=status)


def _said(body: bytes, status: int) -> str:
    try:
        said = _error.decode(body).message
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = ""
    return (said or f"it answered with status {status}")[:_MESSAGE_CHARACTERS_MAX]


def _wait(retry_after: str | None) -> dict[str, float]:
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return {}
    return {"retry_after_seconds": max(0.0, seconds)} if isfinite(seconds) else {}
