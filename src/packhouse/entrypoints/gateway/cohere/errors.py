"""Refusals in Cohere's shape, so that its client raises its own right exception."""

import msgspec

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Reply
from packhouse.entrypoints.gateway.refusals import advice_of, status_of

STATUS = {
    "unsupported": 422,
    "model_ended": 404,
    "provider_unreachable": 503,
    "provider_failed": 500,
    "provider_malformed": 500,
    "provider_cut": 500,
}
"""Where the dialect has another status than the common table: its client knows no 410 and no 502."""

_UNPROCESSABLE = 422


def refusal(refused: Refused, request_id: str) -> Reply:
    return Reply(status=status(refused), body=error_body(refused, request_id), headers=advice_of(refused))


def status(refused: Refused) -> int:
    if refused.code == "provider_refused" and refused.facts.get("status") == _UNPROCESSABLE:
        return _UNPROCESSABLE
    return STATUS.get(refused.code) or status_of(refused)


def error_body(refused: Refused, request_id: str) -> bytes:
    """`{"id", "message", "code", …facts}`."""
    facts = {name: value for name, value in refused.facts.items() if name not in {"id", "message", "code"}}
    return msgspec.json.encode({"id": request_id, "message": refused.message, "code": refused.code, **facts})
