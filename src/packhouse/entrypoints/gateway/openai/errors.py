"""Refusals in OpenAI's shape, so that its clients raise their own right exception."""

import msgspec

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Reply
from packhouse.entrypoints.gateway.refusals import advice_of, status_of

_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


def refusal(refused: Refused) -> Reply:
    return Reply(status=status_of(refused), body=error_body(refused), headers=advice_of(refused))


def error_body(refused: Refused) -> bytes:
    """`{"error": {message, type, param, code, …facts}}`."""
    status = status_of(refused)
    if refused.code == "quota_exhausted":
        kind = "insufficient_quota"
    elif status == 429:
        kind = "rate_limit_error"
    else:
        kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    facts = {name: value for name, value in refused.facts.items() if name != "field"}
    error = {
        "message": refused.message,
        "type": kind,
        "param": refused.facts.get("field"),
        "code": refused.code,
        **facts,
    }
    return msgspec.json.encode({"error": error})
