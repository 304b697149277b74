"""The access log: one line a request, metadata only, and a request id on every answer."""

import re
from typing import Any, cast

import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from packhouse.ports.outside import Clock, Ids

HEADER = b"x-request-id"
NAMED = ("company_id", "resource_id", "user_id", "contract_id", "key_id", "token_id")
"""The path's parameters that are ids and may be logged; what else is in a path stays out."""

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger()


class AccessLog:
    """Around a whole ASGI application.

    The caller's own `x-request-id` is kept where it is sane, else there is a new one; it stands in the scope's
    state. A line has the route's pattern instead of the path, so that no value of path or query is in it.
    """

    def __init__(self, app: ASGIApp, *, clock: Clock, ids: Ids) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(cast("HTTPScope", scope))
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        began, status = self._clock.microseconds(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, sent)
            finally:
                took = (self._clock.microseconds() - began) / 1000
                _log.info("request", status=status, milliseconds=took, **_described(dict(scope)))

    def _request_id(self, scope: HTTPScope) -> str:
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        return given.decode() if _SANE.fullmatch(given) else self._ids.new("req")


def _described(scope: dict[str, Any]) -> dict[str, object]:
    values: dict[str, object] = scope.get("path_params") or {}
    named = {name: value for name, value in values.items() if name in NAMED}
    actor: str = getattr(scope.get("user"), "user_id", "")
    return {"method": scope["method"], "route": scope.get("path_template", ""), "actor": actor, **named}
