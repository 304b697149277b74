"""The worker's rounds for alerts: looks at packs now and then, and delivers what is due, beside the loop of jobs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import structlog

from packhouse.domain.alert import Alert, Channel
from packhouse.ports.alerts import Dispatch
from packhouse.services.alerting import Alerting
from packhouse.services.delivering import Delivering

LOOK_SECONDS = 2.0
AHEAD_SECONDS = 60.0
DISKS_SECONDS = 300.0
IDLE_SECONDS = 1.0
AT_ONCE: Mapping[Channel, int] = {"email": 4, "webhook": 24}
"""Deliveries of one worker at once. Apart, so that webhooks keep no letter waiting; and more webhooks than one
company's can take (`WEBHOOKS_MAX`, `WEBHOOK_AT_ONCE` each), so that they keep no other company's waiting."""

Result = TypeVar("Result")

log = structlog.get_logger()


class AlertRounds:
    """`look_seconds` is how often packs are held against their limits."""

    def __init__(self, alerting: Alerting, delivering: Delivering, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._alerting = alerting
        self._delivering = delivering
        self._looks: tuple[tuple[Callable[[], Awaitable[list[Alert]]], float], ...] = (
            (alerting.look, look_seconds),
            (alerting.look_ahead, AHEAD_SECONDS),
            (alerting.look_at_disks, DISKS_SECONDS),
        )
        self._running: Mapping[Channel, set[asyncio.Task[None]]] = {channel: set() for channel in AT_ONCE}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; deliveries that run then are left to `drain`."""
        looks = (self._every(seconds, look, stop=stop) for look, seconds in self._looks)
        await asyncio.gather(*(self._deliveries(stop, channel) for channel in AT_ONCE), *looks)

    async def drain(self, seconds: float) -> None:
        """Lets running deliveries go on for that long, then cuts them off and gives them back."""
        if running := set[asyncio.Task[None]]().union(*self._running.values()):
            _, pending = await asyncio.wait(running, timeout=seconds)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _every(self, seconds: float, look: Callable[[], Awaitable[list[Alert]]], *, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for alert in await self._tried(look) or ():
                log.info(
                    "alert_raised", alert_id=alert.id, resource_id=alert.resource_id, meter=alert.meter, kind=alert.kind
                )
            await _wait(stop, seconds)

    async def _deliveries(self, stop: asyncio.Event, channel: Channel) -> None:
        """Where one ends, the next is looked for at once: its receiver may have others waiting."""
        running = self._running[channel]
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                dispatch = await self._next(channel) if len(running) < AT_ONCE[channel] else None
                if dispatch is None:
                    waited = {stopped, *running}
                    await asyncio.wait(waited, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                    continue
                task = asyncio.create_task(self._deliver(dispatch), name=dispatch.delivery.id)
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            stopped.cancel()

    async def _next(self, channel: Channel) -> Dispatch | None:
        return await self._tried(lambda: self._delivering.next(channel))

    async def _deliver(self, dispatch: Dispatch) -> None:
        await self._tried(lambda: self._delivering.deliver(dispatch))

    async def _tried(self, work: Callable[[], Awaitable[Result]]) -> Result | None:
        """What breaks is tried again: a look in its next round, a delivery when its lease has ended."""
        try:
            return await work()
        except Exception as error:
            log.warning("alerts_failed", error=type(error).__name__)
            return None


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
