"""From a refusal's code to a status, and whatever goes wrong to one shape of answer."""

import traceback
from collections.abc import Mapping
from typing import Any, cast

import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from packhouse.domain.errors import Refused

STATUS: Mapping[str, int] = {
    "malformed_json": 400,
    "invalid_request": 400,
    "model_unknown": 400,
    "not_signed_in": 401,
    "sign_in_failed": 401,
    "forbidden": 403,
    "no_self_service": 403,
    "not_found": 404,
    "route_unknown": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "balance_short": 409,
    "contract_over": 409,
    "resource_inactive": 409,
    "resource_suspended": 409,
    "model_ended": 409,
    "model_not_in_region": 409,
    "region_not_offered": 409,
    "terms_not_accepted": 409,
    "body_too_large": 413,
    "sign_in_throttled": 429,
    "internal": 500,
    "unavailable": 503,
    "data_directory_unusable": 503,
}
"""One table for the whole room; a refusal that is not in it is a bug and answers as `internal`."""

OWN = "/packhouse/"
"""What the paths of Packhouse's own files have in them."""

CHALLENGE = {"www-authenticate": 'Bearer realm="packhouse"'}

Handled = Request[Any, Any, Any]
Refusal = Response[dict[str, Any]]

_log = structlog.get_logger()


def answer(refused: Refused, headers: Mapping[str, str] | None = None) -> Refusal:
    """`{"error": {"code", "message", …facts}}` with the code's status."""
    return Response(
        {"error": {"code": refused.code, "message": refused.message, **refused.facts}},
        status_code=STATUS[refused.code],
        media_type=MediaType.JSON,
        headers={**(headers or {}), **_advice(refused)},
    )


def on_refused(request: Handled, refused: Refused) -> Refusal:
    return answer(refused) if refused.code in STATUS else on_broken(request, refused)


def on_framework(request: Handled, error: HTTPException) -> Refusal:
    """What the framework itself turns down: no such route, a wrong method, a bad query value, a huge body."""
    match error.status_code:
        case 404:
            return answer(Refused("route_unknown", f"There is no such route: {request.method} {request.url.path}."))
        case 405:
            return answer(_wrong_method(request, error), error.headers)
        case 413:
            return answer(Refused("body_too_large", "The body is larger than this route takes."))
        case status if status < 500:
            return answer(_invalid(error))
        case _:
            return on_broken(request, error)


def on_broken(request: Handled, error: Exception) -> Refusal:
    """A bug: the log gets where it happened, without the values that went through; the caller a request id."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames[:-1] if OWN in frame.filename]
    where = [f"{frame.filename.rpartition(OWN)[2]}:{frame.lineno} {frame.name}" for frame in [*own, *frames[-1:]]]
    _log.error("request_broke", kind=type(error).__name__, where=where)
    request_id = cast("dict[str, str]", request.scope["state"]).get("request_id", "")
    message = "Something broke inside Packhouse. Give the operator the request id: the log has it."
    return answer(Refused("internal", message, request_id=request_id))


HANDLERS: dict[int | type[Exception], Any] = {Refused: on_refused, HTTPException: on_framework, Exception: on_broken}


def _advice(refused: Refused) -> dict[str, str]:
    if STATUS[refused.code] == 401:
        return CHALLENGE
    seconds = refused.facts.get("retry_after_seconds")
    return {"retry-after": str(max(1, round(seconds)))} if isinstance(seconds, int | float) else {}


def _wrong_method(request: Handled, error: HTTPException) -> Refused:
    allow = (error.headers or {}).get("allow", "")
    return Refused("method_not_allowed", f"This route takes {allow}, not {request.method}.", allow=allow)


def _invalid(error: HTTPException) -> Refused:
    """Of a query value or a header: a body's mistakes are found before."""
    if not isinstance(error, ValidationException):
        return Refused("invalid_request", "The request cannot be read.")
    found = cast("list[dict[str, str]]", error.extra or [])
    first = found[0] if found else {}
    field = first.get("key", "")
    if field in ("", "data"):
        return Refused("invalid_request", "This route needs a JSON body.")
    return Refused("invalid_request", f"The value of {field!r} is not right: {first['message']}.", field=field)
