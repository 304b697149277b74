"""Beside the meter: settled calls into the database, news about keys out of it, and the dead recovered."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import structlog

from packhouse.adapters.metering.accounts import MonthAccount
from packhouse.adapters.metering.fence import Terms
from packhouse.adapters.metering.meter import LeasedMeter
from packhouse.adapters.metering.recovery import recover
from packhouse.adapters.metering.rollup import Place
from packhouse.domain.errors import Refused
from packhouse.ports.outside import Clock

DRAIN_SECONDS = 0.05
NEWS_SECONDS = 0.25
DRAIN_MAX = 2_000
"""Records, and counts, that are booked in one transaction, so that nobody waits long for it."""
IDLE_AFTER = 1_000_000
"""Microseconds without a call after which a block goes back to everybody."""

log = structlog.get_logger()


class Upkeep:
    """The meter's background work, as one task on the meter's loop."""

    def __init__(self, meter: LeasedMeter, clock: Clock, *, kind: str, terms: Terms | None = None) -> None:
        self._meter = meter
        self._clock = clock
        self._kind = kind
        self._terms = terms or Terms()
        self._revision = -1
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._draining = asyncio.Lock()
        self._drain_unknown = False
        self._doubts_cleared = 0
        self._in_touch_since = self._touched_at = 0

    async def start(self) -> None:
        """Registers the process and recovers the dead; then goes on in the background."""
        await self.beat()
        await self.news()
        self._task = asyncio.create_task(self._run(), name="meter upkeep")

    async def stop(self) -> None:
        """Everything settled is in the database, every block given back, the journal gone. Where the database is away,
        the journal stays, and who finds it books what is in it."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        meter = self._meter
        try:
            await self.drain()
            if all(account.holds == 0 for account in meter.months.values()):
                await meter.in_thread(lambda: meter.database.recover(meter.process_id, []))
        except (Refused, OSError) as error:
            log.warning("meter_left_to_recovery", error=type(error).__name__)
        meter.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last_news = last_beat = loop.time()  # `start` has done both
        while not self._stopping.is_set():
            try:
                if self._clock.microseconds() >= self._meter.good_until:
                    last_beat = loop.time()
                    await self.beat()  # first: what this process believes to be its own may not be so any more
                await self.drain()
                if self._doubtful:
                    await self._read_blocks(wait=False)
                await self.answer_recalls()
                if loop.time() - last_news >= NEWS_SECONDS:
                    last_news = loop.time()
                    await self.news()
                if loop.time() - last_beat >= self._terms.beat_seconds:
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
        for _ in range(-(-max(len(meter.settled), len(meter.counts)) // DRAIN_MAX)):
            await self._drain_some()

    async def _drain_some(self) -> None:
        meter = self._meter
        batch = meter.settled[:DRAIN_MAX]
        del meter.settled[:DRAIN_MAX]
        meter.draining = len(batch)
        counts = meter.counts[:DRAIN_MAX]
        del meter.counts[:DRAIN_MAX]
        work = partial(
            meter.database.drain,
            meter.process_id,
            [settled.record for settled in batch],
            counts=[counted.count for counted in counts],
            held=_held({settled.account for settled in batch}, also_spent=bool(meter.settled)),
        )
        try:
            await meter.in_thread(work)
        except BaseException:
            meter.settled[:0] = batch
            meter.counts[:0] = counts
            self._drain_unknown = True
            meter.line.doubts += 1
            raise
        finally:
            meter.draining = 0
        self._drain_unknown = False
        for settled in batch:
            settled.account.drained(settled.amounts)
            meter.journal.drained(settled.segment)
        for counted in counts:
            meter.journal.drained(counted.segment)

    async def news(self) -> None:
        """A key that was revoked, a resource that changed: forget what was known."""
        revision = await self._meter.in_thread(self._meter.database.revision)
        if revision != self._revision:
            self._revision = revision
            self._meter.memory.forget()

    async def beat(self) -> None:
        """Says that this process lives, recovers those that do not, gives back what it does not need."""
        meter = self._meter
        at = self._terms.beat(self._clock.microseconds())
        held = _held(meter.months.values(), also_spent=True)
        try:
            known = await meter.in_thread(
                partial(meter.database.beat, meter.process_id, kind=self._kind, at=at, held=held)
            )
        except BaseException:
            meter.line.doubts += 1  # it may have been told that it was given up, and not have heard it
            raise
        if at.now - self._touched_at > self._terms.good:
            self._in_touch_since = at.now
        self._touched_at = at.now
        if not known:
            meter.line.doubts += 1
        if self._doubtful:
            await self._read_blocks(wait=True)
        meter.good_until = at.good_until
        await meter.in_thread(partial(recover, meter.journals, meter.database, now=at.now))
        if at.now - self._in_touch_since >= self._terms.good:
            await meter.in_thread(partial(meter.database.give_up_forsaken, at.now))
        await self._give_back_idle(at.now)

    @property
    def _doubtful(self) -> bool:
        """Whether what this process believes to be set aside for it may not be."""
        return self._drain_unknown or self._meter.line.doubts != self._doubts_cleared

    async def _read_blocks(self, *, wait: bool) -> None:
        """What is set aside for this process, as the database has it. Without `wait` accounts that are just being
        leased for are left for the next time, which then comes."""
        meter = self._meter
        doubts, whole = meter.line.doubts, not self._drain_unknown  # what may be booked already is taken off twice
        for account in list(meter.months.values()):
            lock = meter.leasing(account)
            if lock.locked() and not wait:
                whole = False
                continue
            async with lock, self._draining:
                month = (account.resource_id, account.start)
                block = await meter.in_thread(partial(meter.database.block, meter.process_id, month))
                for each in account.meters:
                    each.leased = block.get(each.meter, 0)
        if whole:
            self._doubts_cleared = doubts

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
            self._meter.line.doubts += 1  # it may be given back or not; until that is known it is not this process's
            raise


def _held(accounts: Iterable[MonthAccount], *, also_spent: bool) -> dict[Place, int]:
    """What running calls hold of each meter, and what is settled but not booked."""
    return {
        (account.resource_id, account.start, meter.meter): meter.held + (meter.spent if also_spent else 0)
        for account in accounts
        for meter in account.meters
    }
