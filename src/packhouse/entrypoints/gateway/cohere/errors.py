"""Refusals in Cohere's shape, so that its client raises its own right exception."""

import msgspec
import structlog

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Handler, Reply, Request
from packhouse.entrypoints.gateway.refusals import advice_of, status_of

log = structlog.get_logger()

STATUS = {"unsupported": 422, "provider_unreachable": 503}
"""Codes that have another status in this dialect than in the common table."""

NEAREST = {409: 400, 410: 404, 413: 400, 502: 500}
"""Statuses that the dialect's client has no exception for, with the one that says the same."""


def in_dialect(handler: Handler) -> Handler:
    """The handler with its refusals written as the dialect's clients read them."""

    async def spoken(request: Request) -> Reply:
        try:
            return await handler(request)
        except Refused as refused:
            reply = refusal(refused, request.id)
            if reply.status >= 500:
                log.warning("refused", code=refused.code, request_id=request.id, status=reply.status)
            return reply

    return spoken


def refusal(refused: Refused, request_id: str) -> Reply:
    return Reply(status=status(refused), body=error_body(refused, request_id), headers=advice_of(refused))


def status(refused: Refused) -> int:
    common = STATUS.get(refused.code) or status_of(refused)
    return NEAREST.get(common, common)


def error_body(refused: Refused, request_id: str) -> bytes:
    """`{"id", "message", "code", …facts}`."""
    facts = {name: value for name, value in refused.facts.items() if name not in {"id", "message", "code"}}
    return msgspec.json.encode({"id": request_id, "message": refused.message, "code": refused.code, **facts})
