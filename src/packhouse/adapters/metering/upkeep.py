"""Beside the meter: settled calls into the database, news about keys out of it, and the dead recovered."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from packhouse.adapters.metering.accounts import MonthAccount
from packhouse.adapters.metering.meter import LeasedMeter, Settled
from packhouse.adapters.metering.recovery import recover
from packhouse.ports.outside import Clock

DRAIN_SECONDS = 0.05
NEWS_SECONDS = 0.25
BEAT_SECONDS = 2.0
PROCESS_LEASE = 10_000_000
"""Microseconds that a process is believed alive after its last heartbeat."""
IDLE_AFTER = 1_000_000
"""Microseconds without a call after which a block goes back to everybody."""

log = structlog.get_logger()


class Upkeep:
    """The meter's background work, as one task on the meter's loop."""

    def __init__(self, meter: LeasedMeter, clock: Clock, *, kind: str) -> None:
        self._meter = meter
        self._clock = clock
        self._kind = kind
        self._revision = -1
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._draining = asyncio.Lock()

    async def start(self) -> None:
        """Registers the process and recovers the dead; then goes on in the background."""
        await self.beat()
        await self.news()
        self._task = asyncio.create_task(self._run(), name="meter upkeep")

    async def stop(self) -> None:
        """Everything settled is in the database, every block given back, the journal gone."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self.drain()
        meter = self._meter
        if all(account.holds == 0 for account in meter.months.values()):
            await meter.in_thread(lambda: meter.database.recover(meter.process_id, []))
        meter.close()

    async def _run(self) -> None:
        last_news = last_beat = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                await self.drain()
                await self.answer_recalls()
                if loop.time() - last_news >= NEWS_SECONDS:
                    last_news = loop.time()
                    await self.news()
                if loop.time() - last_beat >= BEAT_SECONDS:
                    last_beat = loop.time()
                    await self.beat()
            except Exception as error:  # the database is away: what is settled waits in memory and journal
                log.warning("meter_upkeep_failed", error=type(error).__name__)
                await self._wait(1.0)
            await self._wait(DRAIN_SECONDS)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def drain(self) -> None:
        """Books what is settled, all of it when this returns. Where the database refuses, it stays for the next
        time."""
        async with self._draining:  # what another call is booking is not booked yet
            await self._drain()

    async def _drain(self) -> None:
        meter = self._meter
        if not meter.settled and not meter.counts:
            return
        batch, meter.settled = meter.settled, list[Settled]()
        counts, meter.counts = meter.counts, {}
        records = [settled.record for settled in batch]
        try:
            await meter.in_thread(lambda: meter.database.drain(meter.process_id, records, counts=list(counts.values())))
        except BaseException:
            meter.settled[:0] = batch
            for count in counts.values():
                meter.recount(count)
            raise
        for settled in batch:
            settled.account.drained(settled.amounts)
            meter.journal.drained(settled.segment)

    async def news(self) -> None:
        """A key that was revoked, a resource that changed: forget what was known."""
        revision = await self._meter.in_thread(self._meter.database.revision)
        if revision != self._revision:
            self._revision = revision
            self._meter.memory.forget()

    async def beat(self) -> None:
        """Says that this process lives, recovers those that do not, gives back what it does not need."""
        meter = self._meter
        now = self._clock.microseconds()
        await meter.in_thread(
            lambda: meter.database.register(meter.process_id, kind=self._kind, now=now, lease_until=now + PROCESS_LEASE)
        )
        await meter.in_thread(partial(recover, meter.journals, meter.database, now=now))
        await self._give_back_idle(now)

    async def answer_recalls(self) -> None:
        """Gives back what no call here holds, where another process is short."""
        meter = self._meter
        if not any(each.leased for account in meter.months.values() for each in account.meters):
            return
        for month, number in await meter.in_thread(lambda: meter.database.recalls(meter.process_id)):
            account = meter.months.get(month)
            spare = account.spare() if account is not None else {}
            answer = partial(meter.database.answer, meter.process_id, month, number=number, amounts=spare)
            await self._give_back(account, spare, answer=answer)

    async def _give_back_idle(self, now: int) -> None:
        """Blocks that no call draws on go back, so that another process finds them."""
        meter = self._meter
        for month, account in list(meter.months.items()):
            if account.holds or now - account.touched_at < IDLE_AFTER:
                continue
            spare = account.spare()
            if spare:
                answer = partial(meter.database.give_back, meter.process_id, month, amounts=spare)
                await self._give_back(account, spare, answer=answer)
            elif now >= account.end and not any(each.spent for each in account.meters):
                del meter.months[month]

    async def _give_back(
        self, account: MonthAccount | None, spare: dict[str, int], *, answer: Callable[[], None]
    ) -> None:
        """Taken off here before it is free for others, so that no call here takes it too."""
        if account is None:
            return await self._meter.in_thread(answer)
        account.given_back(spare)
        try:
            await self._meter.in_thread(answer)
        except BaseException:
            account.given_back(spare, sign=-1)
            raise
