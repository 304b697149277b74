"""Health of the part: alive, and ready to serve."""

from collections.abc import Awaitable, Callable

from litestar import Router, get

from packhouse.entrypoints.control.door import OPEN
from packhouse.entrypoints.control.refusals import HANDLERS


def health_router(check: Callable[[], Awaitable[object]]) -> Router:
    """`/healthz` answers while the process lives, `/readyz` where `check` does not refuse."""

    @get("/healthz", opt={OPEN: True}, include_in_schema=False)
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", opt={OPEN: True}, include_in_schema=False)
    async def ready() -> dict[str, str]:
        await check()
        return {"status": "ready"}

    return Router("/", route_handlers=[alive, ready], exception_handlers=HANDLERS)
