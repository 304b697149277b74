"""From what Bedrock says no with, in an answer or inside a stream, to a refusal of our own.

What concerns the caller's request is passed on in the service's words, without names of the operator's account. What
concerns the account is not.
"""

import re
from math import isfinite

import msgspec

from packhouse.adapters.models.bedrock.eventstream import Frame
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

_MESSAGE_CHARACTERS_MAX = 600
_ACCOUNT = re.compile(r"arn:aws[^\s\"'<>]*|\b\d{12}\b")

_STATUS = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignatureException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "UnrecognizedClientException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelStreamErrorException": 424,
    "ModelNotReadyException": 429,
    "ServiceQuotaExceededException": 429,
    "ThrottlingException": 429,
    "ValidationException": 400,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
"""What an exception counts as, whatever status it came with: a quota comes as 400, inside a stream there is none."""

_EXPIRED = ("ExpiredToken", "RequestExpired")
_TOO_LONG = re.compile(
    r"input is too long|prompt is too long|too many (input |total text )?(tokens|bytes)"
    r"|exceeds? the (model'?s )?(maximum|context)|maximum context length|context (window|limit)",
    re.IGNORECASE,
)


class _Body(Content, frozen=True):
    message: str | None = None
    Message: str | None = None
    type: str | None = msgspec.field(default=None, name="__type")
    original_message: str | None = msgspec.field(default=None, name="originalMessage")


def refusal(status: int, body: bytes, *, kind: str | None = None, retry_after: str | None = None) -> Refused:
    """What an answer with another status than 200 means; `kind` is its header `x-amzn-errortype`."""
    read = _read(body)
    name = _name(kind or read.type or "")
    return _refusal(name, _STATUS.get(name, status), body=read, retry_after_seconds=_seconds(retry_after))


def refusal_in_stream(frame: Frame) -> Refused:
    """What an exception in a stream means."""
    name = frame.header(":exception-type") or frame.header(":error-code")
    name = _name(name[:1].upper() + name[1:])
    read = _read(frame.payload)
    if read.message is None and frame.header(":error-message"):
        read = _Body(frame.header(":error-message"))
    return _refusal(name, _STATUS.get(name, 500), body=read, retry_after_seconds=None)


def is_expired(refused: Refused) -> bool:
    """Whether the keys have run out: other keys may do better."""
    return refused.facts.get("expired") is True


def _refusal(name: str, status: int, *, body: _Body, retry_after_seconds: float | None) -> Refused:
    waits = {} if retry_after_seconds is None else {"retry_after_seconds": retry_after_seconds}
    match status:
        case 429:
            return Refused("provider_throttled", "The model's provider is throttling; try again later.", **waits)
        case 408 | 504:
            return Refused("provider_timeout", "The model's provider did not answer in time.", status=status)
        case 401 | 403 if name.startswith(_EXPIRED):
            message = "The installation's credentials for the model's provider have run out."
            return Refused("provider_failed", message, status=status, expired=True)
        case 401 | 403:
            message = "The model's provider does not let this installation call the model. Ask the operator to look."
            return Refused("provider_refused", message, status=status)
        case _ if status == 424 or not 400 <= status < 500:
            message = f"The model's provider answered with status {status}."
            return Refused("provider_failed", message, status=status, **waits)
        case _:
            return _of_request(_said(body, status), status)


def _of_request(said: str, status: int) -> Refused:
    if status in (400, 413) and _TOO_LONG.search(said):
        return Refused("context_exceeded", f"The input does not fit into the model's context window: {said}")
    return Refused("provider_refused", f"The model's provider refused the request: {said}", status=status)


def _said(body: _Body, status: int) -> str:
    said = body.message or body.Message or body.original_message or f"it answered with status {status}"
    return _ACCOUNT.sub("…", said)[:_MESSAGE_CHARACTERS_MAX]


def _read(body: bytes) -> _Body:
    try:
        return msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Body()


def _name(given: str) -> str:
    """Without the address behind it or the namespace before it."""
    return given.partition(":")[0].rpartition("#")[2].strip()


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return max(seconds, 0.0) if isfinite(seconds) else None
