"""Refusals in Cohere's shape, so that its client raises its own right exception."""

import msgspec

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Reply
from packhouse.entrypoints.gateway.refusals import advice_of, status_of

STATUS = {"unsupported": 422, "provider_unreachable": 503}
"""Codes that have another status in this dialect than in the common table."""

NEAREST = {408: 400, 409: 400, 410: 404, 413: 400, 415: 400, 431: 400, 502: 500}
"""Statuses that the dialect's client has no exception for, with the one that says the same."""

FIELDS: dict[object, str] = {"dimensions": "output_dimension", "input": "texts"}
"""What this dialect calls the fields of the common request."""


def refusal(refused: Refused, request_id: str) -> Reply:
    return Reply(status=status(refused), body=error_body(refused, request_id), headers=advice_of(refused))


def status(refused: Refused) -> int:
    common = STATUS.get(refused.code) or status_of(refused)
    return NEAREST.get(common, common)


def error_body(refused: Refused, request_id: str) -> bytes:
    """`{"id", "message", "code", …facts}`."""
    facts = {name: value for name, value in refused.facts.items() if name not in {"id", "message", "code"}}
    if facts.get("field") in FIELDS:
        facts["field"] = FIELDS[facts["field"]]
    return msgspec.json.encode({"id": request_id, "message": refused.message, "code": refused.code, **facts})
