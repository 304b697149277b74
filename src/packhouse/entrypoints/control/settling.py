"""The loop that books what falls due though nobody looks: a deprovisioned pack's data must go on its day."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import structlog

from packhouse.domain.errors import Refused
from packhouse.services.lifecycle import Lifecycle

EVERY_SECONDS = 60.0

Result = TypeVar("Result")

log = structlog.get_logger()


class Settling:
    """One company that cannot be settled, or a database that is away, costs the others one round at most."""

    def __init__(self, lifecycle: Lifecycle, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._lifecycle = lifecycle
        self._every_seconds = every_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; the transaction that runs then is ended."""
        while not stop.is_set():
            await self._round(stop)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every_seconds)

    async def _round(self, stop: asyncio.Event) -> None:
        for company_id in await self._tried(self._lifecycle.companies) or ():
            if stop.is_set():
                return
            await self._tried(lambda company_id=company_id: self._lifecycle.settle(company_id))

    async def _tried(self, work: Callable[[], Awaitable[Result]]) -> Result | None:
        try:
            return await work()
        except Refused as refused:
            log.warning("settling_refused", code=refused.code)
        except Exception as error:  # tried again in the next round
            log.error("settling_failed", error=type(error).__name__)
        return None
