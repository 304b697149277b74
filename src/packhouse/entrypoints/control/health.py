"""Health of the part: alive, and ready to serve."""

from collections.abc import Awaitable, Callable

from litestar import HttpMethod, Router, route

from packhouse.entrypoints.control.door import OPEN
from packhouse.entrypoints.control.refusals import HANDLERS

METHODS = (HttpMethod.GET, HttpMethod.HEAD)


def health_router(check: Callable[[], Awaitable[object]]) -> Router:
    """`/healthz` answers while the process lives, `/readyz` where `check` does not refuse; HEAD as GET."""

    @route("/healthz", http_method=METHODS, opt={OPEN: True}, include_in_schema=False)
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    @route("/readyz", http_method=METHODS, opt={OPEN: True}, include_in_schema=False)
    async def ready() -> dict[str, str]:
        await check()
        return {"status": "ready"}

    return Router("/", route_handlers=[alive, ready], exception_handlers=HANDLERS)
