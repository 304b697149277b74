"""Refusals in Anthropic's shape, so that its clients raise their own right exception."""

import msgspec

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Reply
from packhouse.entrypoints.gateway.refusals import advice_of, status_of

OVERLOADED = 529
_OURS = frozenset({"type", "message", "details", "code", "error_code"})
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    410: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}


def refusal(refused: Refused, request_id: str) -> Reply:
    headers = (*advice_of(refused), (b"request-id", request_id.encode()))
    return Reply(status=status(refused), body=error_body(refused, request_id), headers=headers)


def status(refused: Refused) -> int:
    """An overloaded provider has a status of its own here."""
    if refused.code in {"provider_failed", "provider_throttled"} and refused.facts.get("status") == OVERLOADED:
        return OVERLOADED
    return status_of(refused)


def error_body(refused: Refused, request_id: str = "") -> bytes:
    """`{"type": "error", "error": {type, message, details, code, …facts}, "request_id"}`.

    In `details` the code is what Anthropic's newer clients call `error_code`: one of theirs where they act upon it.
    """
    status_ = status(refused)
    kind = _TYPES.get(status_, "api_error" if status_ >= 500 else "invalid_request_error")
    facts = {name: value for name, value in refused.facts.items() if name not in _OURS}
    details = {"error_code": refused.facts.get("error_code", refused.code)}
    error = {"type": kind, "message": refused.message, "details": details, "code": refused.code, **facts}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id or None})


def error_event(refused: Refused, request_id: str = "") -> bytes:
    """The end of a stream that failed."""
    return b"event: error\ndata: " + error_body(refused, request_id) + b"\n\n"
