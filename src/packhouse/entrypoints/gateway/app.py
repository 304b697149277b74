"""The gateway as one handler: connector version, route, and every refusal in the shape that clients know."""

from collections.abc import Callable, Mapping

import msgspec
import structlog

from packhouse.domain.chat_part import Dialect
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.anthropic import errors as anthropic_errors
from packhouse.entrypoints.gateway.authorise import ConnectorGate
from packhouse.entrypoints.gateway.cohere import errors as cohere_errors
from packhouse.entrypoints.gateway.dialects import dialect_of
from packhouse.entrypoints.gateway.http import Handler, Reply, Request
from packhouse.entrypoints.gateway.openai import errors as openai_errors
from packhouse.entrypoints.gateway.router import Router
from packhouse.entrypoints.gateway.routes import bound

log = structlog.get_logger()


_REFUSALS: dict[Dialect, Callable[[Refused, str], Reply]] = {
    "openai": lambda refused, _request_id: openai_errors.refusal(refused),
    "anthropic": anthropic_errors.refusal,
    "cohere": cohere_errors.refusal,
}
"""Who writes a refusal in which dialect."""


class GatewayApp:
    """Answers every request; what it does not refuse itself, a route does."""

    def __init__(self, handlers: Mapping[str, Handler], *, connectors: ConnectorGate) -> None:
        self._router = Router(bound(handlers))
        self._connectors = connectors

    async def __call__(self, request: Request) -> Reply:
        try:
            self._connectors.check(request)
            return await self._router(request)
        except Refused as refused:
            reply = self.refuse(request, refused)
            if reply.status >= 500:
                log.warning("refused", code=refused.code, request_id=request.id, status=reply.status)
            return reply

    def refuse(self, request: Request, refused: Refused) -> Reply:
        """The refusal in the dialect that the request speaks."""
        return _REFUSALS[dialect_of(request)](refused, request.id)


def health(ready: Callable[[], bool]) -> dict[str, Handler]:
    """The handlers of `/healthz` and `/readyz`."""

    async def alive(_request: Request) -> Reply:
        return Reply(body=msgspec.json.encode({"status": "alive"}))

    async def is_ready(_request: Request) -> Reply:
        if not ready():
            raise Refused("unavailable", "This part is starting or draining; try again.", retry_after_seconds=1)
        return Reply(body=msgspec.json.encode({"status": "ready"}))

    return {"alive": alive, "ready": is_ready}
