"""From a refusal's code to a status: one table for all dialects that the gateway speaks."""

import math

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.heads import STATUS_OF

STATUS: dict[str, int] = {
    **STATUS_OF,
    "key_missing": 401,
    "key_malformed": 401,
    "key_unknown": 401,
    "key_revoked": 401,
    "key_expired": 401,
    "key_wrong_type": 403,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "malformed_json": 400,
    "invalid_request": 400,
    "unsupported": 400,
    "model_unknown": 404,
    "model_ended": 410,
    "context_exceeded": 400,
    "route_unknown": 404,
    "method_not_allowed": 405,
    "connector_outdated": 426,
    "quota_exhausted": 429,
    "resource_inactive": 403,
    "resource_suspended": 403,
    "provider_unreachable": 502,
    "provider_failed": 502,
    "provider_refused": 400,
    "provider_throttled": 429,
    "provider_timeout": 504,
    "provider_malformed": 502,
    "provider_cut": 502,
    "document_empty": 422,
    "document_unreadable": 422,
    "document_type": 415,
    "disk_full": 507,
    "vector_invalid": 400,
    "filter_invalid": 400,
    "unavailable": 503,
}


PASSED_ON = frozenset({403, 404, 409, 413, 422})
"""Statuses of a provider's refusal that mean the same to the caller."""

BUSY = frozenset({503, 529})
"""A provider that cannot now, and may soon."""

OPERATORS = frozenset({401, 402, 407})
"""Those that concern the operator's account: the caller's own key is well."""


def status_of(refused: Refused) -> int:
    """The HTTP status; a refusal that this part never makes is a bug, and says so."""
    if refused.code == "provider_refused":
        status = refused.facts.get("status")
        if status in PASSED_ON:
            return int(str(status))
        return 502 if status in OPERATORS else 400
    if refused.code == "provider_failed" and refused.facts.get("status") in BUSY:
        return 503
    return STATUS.get(refused.code, 500)


RETRY_AFTER_SECONDS_MAX = 86_400
"""A provider that asks for more than a day has made a mistake."""


def advice_of(refused: Refused) -> tuple[tuple[bytes, bytes], ...]:
    """Headers that help a client: when to try again, or that trying again is in vain."""
    if refused.code == "quota_exhausted":
        return ((b"x-should-retry", b"false"),)
    seconds = refused.facts.get("retry_after_seconds")
    if isinstance(seconds, int | float) and math.isfinite(seconds):
        return ((b"retry-after", str(max(1, round(min(seconds, RETRY_AFTER_SECONDS_MAX)))).encode()),)
    allow = refused.facts.get("allow")
    if refused.code == "method_not_allowed" and isinstance(allow, str):
        return ((b"allow", allow.encode()),)
    return ()
