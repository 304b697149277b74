"""The meter: quota decided in memory on leased blocks, usage journalled before it is answered for."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from packhouse.adapters.database.connection import Place
from packhouse.adapters.metering.access import AccessMemory, look_up, pack_of
from packhouse.adapters.metering.accounts import MeterAccount, MonthAccount
from packhouse.adapters.metering.database import Lease, MeterDatabase
from packhouse.adapters.metering.journal import Journal, Segment, SentEntry, SettledEntry
from packhouse.adapters.metering.line import Line, away
from packhouse.adapters.metering.recall import POLL_SECONDS, WAIT_SECONDS
from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord
from packhouse.adapters.metering.recovery import record
from packhouse.domain.errors import Refused
from packhouse.domain.month import bundle_month
from packhouse.domain.quota import OUTPUT_FLOOR, Admitted, Short, admit
from packhouse.domain.units import CallId, ModelTokens, ResourceId, instant, microseconds
from packhouse.ports.meter import Access, Call, Exhausted, Hold, Pack, QuotaLeft, Settlement
from packhouse.ports.outside import Clock, Ids

Result = TypeVar("Result")

WAITING_MAX = 100_000
"""Settled calls that may wait for the database; past that no new call is admitted. Each takes about a kilobyte of
memory and a third of one in the journal."""
HEARD_SECONDS = 2.0
MINUTE = 60_000_000
"""Microseconds."""

log = structlog.get_logger()


class LeasedHold(Hold):
    """A hold with the account it draws on and, once sent, its place in the journal."""

    account: MonthAccount | None = None
    segment: Segment | None = None
    entry: SentEntry | None = None


class Settled(msgspec.Struct, frozen=True):
    """A settled call on its way into the database."""

    account: MonthAccount
    segment: Segment
    record: UsageRecord
    amounts: tuple[int, ...]


class Counted(msgspec.Struct, frozen=True):
    """A count on its way into the database."""

    segment: Segment
    count: KnowledgeCount


class LeasedMeter:
    """The meter of one process; all of it runs on one event loop. `Upkeep` must run beside it.

    `good_until` (microseconds) is how long it may admit calls without a further heartbeat, `draining` how many settled
    calls are being booked.
    """

    def __init__(
        self, *, database: Place, journals: Path, clock: Clock, ids: Ids, waiting_max: int = WAITING_MAX
    ) -> None:
        self.process_id = ids.new("proc")
        self.database = MeterDatabase(database)
        self.journals = journals
        self.journal = Journal(journals, self.process_id)
        self.memory = AccessMemory()
        self.months = dict[tuple[str, int], MonthAccount]()
        self.settled = list[Settled]()
        self.counts = list[Counted]()
        self.draining = 0
        self.good_until = 0
        self.line = Line()
        self._current = dict[str, MonthAccount]()
        self._clock = clock
        self._ids = ids
        self._leasing = dict[tuple[str, int], asyncio.Lock]()
        self._waiting_max = waiting_max
        self._told_of_more = dict[str, int]()

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """The database's statements block, so they run in the meter's own thread, one after the other."""
        return await self.line.run(work)

    def leasing(self, account: MonthAccount) -> asyncio.Lock:
        """Held while what is leased for the account is asked for and taken in."""
        return self._leasing.setdefault((account.resource_id, account.start), asyncio.Lock())

    def close(self) -> None:
        self.line.close()
        self.database.close()
        self.journal.close()

    async def access(self, presented: str) -> Access:
        now = self._clock.microseconds()
        known = self.memory.recall(presented, now)
        if known is not None:
            return known
        access, until = await self.line.ask(lambda: look_up(self.database, presented, now=now))
        self.memory.remember(presented, access, until=until)
        return access

    async def pack(self, resource_id: ResourceId) -> Pack:
        row = await self.line.ask(lambda: self.database.pack(resource_id))
        if row is None:
            raise Refused("not_found", f"There is no resource {resource_id}.")
        return pack_of(row, self._clock.microseconds())

    async def hold(self, call: Call) -> LeasedHold | Exhausted:
        now = self._clock.microseconds()
        if now >= self.good_until or len(self.settled) + self.draining >= self._waiting_max:
            now = await self._until_heard()
        account = self._current.get(call.pack.id)
        if account is None or now >= account.end:
            account = await self._open_month(call.pack, now)
        amounts, output_tokens = account.take(call.input_tokens, call.output_tokens, now=now), call.output_tokens
        if amounts is None:
            admitted = await self._lease_for(account, call)
            if isinstance(admitted, Exhausted):
                return admitted
            amounts, output_tokens = admitted.amounts, admitted.output_tokens
            account.hold(amounts, now)
        call_id = CallId(self._ids.new("call"))
        return LeasedHold(call_id, call, account.start, amounts, output_tokens, now, account=account)

    def sent(self, hold: Hold) -> None:
        assert isinstance(hold, LeasedHold)
        assert not hold.closed
        call = hold.call
        hold.entry = SentEntry(
            hold.call_id,
            call.pack.company_id,
            call.pack.id,
            call.key_id,
            call.model,
            call.operation,
            hold.month_start,
            hold.started_at,
            call.input_tokens,
            hold.output_tokens,
        )
        hold.segment = self.journal.begin(hold.entry)
        hold.sent = True

    def settle(self, hold: Hold, settlement: Settlement) -> None:
        assert isinstance(hold, LeasedHold)
        assert not hold.closed, "a call is settled once"
        if hold.entry is None:  # consumed without a provider's notice, as a local model may
            self.sent(hold)
        assert hold.entry is not None
        assert hold.segment is not None
        assert hold.account is not None
        tokens = settlement.tokens
        now = self._clock.microseconds()
        entry = SettledEntry(
            hold.call_id,
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write,
            settlement.source,
            settlement.outcome,
            max(0, (now - hold.started_at) // 1000),
            hold.call.model if hold.call.model != hold.entry.model else "",
        )
        self.journal.settled(hold.segment, entry)
        hold.closed = True
        read = tokens.input + tokens.cache_read + tokens.cache_write
        if tokens.output > hold.output_tokens or read > hold.call.input_tokens:
            self._tell_of_more(hold, tokens, now=now)
        amounts = hold.account.settle(hold.amounts, tokens)
        self.settled.append(Settled(hold.account, hold.segment, record(hold.entry, entry), amounts))

    def release(self, hold: Hold) -> None:
        assert isinstance(hold, LeasedHold)
        assert hold.account is not None
        assert not hold.sent, "what reached a provider is settled, not released"
        if not hold.closed:
            hold.closed = True
            hold.account.give_back(hold.amounts)

    def left(self, hold: Hold) -> QuotaLeft:
        assert isinstance(hold, LeasedHold)
        assert hold.account is not None
        account = hold.account
        return QuotaLeft(tuple([(meter.meter, meter.left) for meter in account.meters]), account.end_at)

    def count(self, pack: Pack, *, searches: int = 0, inserts: int = 0, chunks: int = 0, bytes_: int = 0) -> None:
        now = self._clock.microseconds()
        entry = KnowledgeCount(self._ids.new("count"), pack.id, now, searches, inserts, chunks, bytes_)
        self.counts.append(Counted(self.journal.begin(entry), entry))

    def _tell_of_more(self, hold: LeasedHold, tokens: ModelTokens, *, now: int) -> None:
        """The truth is booked, and may pass the limit: its provider did not keep to the cap, or counts otherwise than
        is known. Once a minute and model."""
        if now - self._told_of_more.get(hold.call.model, 0) >= MINUTE:
            self._told_of_more[hold.call.model] = now
            log.warning(
                "provider_reported_more_than_held",
                call_id=hold.call_id,
                model=hold.call.model,
                input=tokens.total - tokens.output,
                input_held=hold.call.input_tokens,
                output=tokens.output,
                output_held=hold.output_tokens,
            )

    async def _until_heard(self) -> int:
        """Where no heartbeat reached the database for so long that others may have given this process up, or too much
        waits to be booked, `Upkeep` gets a moment to mend it. The instant after it; Refused(unavailable)."""
        for _ in range(round(HEARD_SECONDS / POLL_SECONDS)):
            await asyncio.sleep(POLL_SECONDS)
            now = self._clock.microseconds()
            if now < self.good_until and len(self.settled) + self.draining < self._waiting_max:
                return now
        raise away()

    async def _open_month(self, pack: Pack, now: int) -> MonthAccount:
        """The account of the running bundle month; it starts without any quota of its own."""
        assert pack.anchor_at is not None, "a pack without an anchor is not usable"
        month = bundle_month(pack.anchor_at, instant(now))
        start, end = microseconds(month.start_at), microseconds(month.end_at)
        limits = await self.line.ask(lambda: self.database.limits(pack.id, start))
        known = self.months.get((pack.id, start))
        if known is None:
            meters = [MeterAccount(limit.meter, limit.weights, limit=limit.limit) for limit in limits]
            known = self.months[pack.id, start] = MonthAccount(pack.id, start, end=end, meters=meters)
        self._current[pack.id] = known
        return known

    async def _lease_for(self, account: MonthAccount, call: Call) -> Admitted | Exhausted:
        """Lease what the call lacks. Where the database has too little, other processes are asked for what they do
        not hold; only after a recall that began later than the call is the output cap lowered or the call refused."""
        before = account.recalls_begun
        async with self.leasing(account):
            while True:
                if self._clock.microseconds() >= self.good_until:
                    raise away()
                admitted = _admit(account, call)
                if isinstance(admitted, Admitted) and admitted.output_tokens == call.output_tokens:
                    return admitted
                needs = account.lacks(call.input_tokens, call.output_tokens)
                returns = account.returns
                leases = await self.line.ask(lambda needs=needs: self._lease(account, needs))
                account.leased_more(leases)
                short = [place for place, need in enumerate(needs) if leases[place].granted < need]
                if account.recalls_ended <= before and any(leases[place].elsewhere for place in short):
                    await self._recall(account)
                    continue
                if short and account.returns != returns:
                    continue  # what this process gave back meanwhile is there for this call too
                admitted = _admit(account, call)
                if isinstance(admitted, Admitted) and short:
                    return admitted
                for place in short:
                    if isinstance(admitted, Short) and account.meters[place].meter == admitted.meter:
                        return _exhausted(account, call, place=place, lease=leases[place])

    async def _recall(self, account: MonthAccount) -> None:
        """Until every other living process has given back what it does not hold. Calls that wait for the same pack
        share the recall."""
        account.recalls_begun += 1
        month = (account.resource_id, account.start)
        now = self._clock.microseconds()
        number = await self.line.ask(lambda: self.database.recall(month, now=now))
        for _ in range(round(WAIT_SECONDS / POLL_SECONDS)):
            if not await self.line.ask(
                lambda: self.database.unanswered(self.process_id, month, number=number, now=now)
            ):
                break
            await asyncio.sleep(POLL_SECONDS)
        account.recalls_ended = account.recalls_begun

    def _lease(self, account: MonthAccount, needs: list[int]) -> list[Lease]:
        return self.database.lease(
            self.process_id,
            account.resource_id,
            month_start=account.start,
            needs=needs,
            now=self._clock.microseconds(),
        )


def _admit(account: MonthAccount, call: Call) -> Admitted | Short:
    return admit(account.meters, input_tokens=call.input_tokens, output_tokens=call.output_tokens)


def _exhausted(account: MonthAccount, call: Call, *, place: int, lease: Lease) -> Exhausted:
    """The meter at `place` is short, as its last lease saw it."""
    meter = account.meters[place]
    return Exhausted(
        meter=meter.meter,
        limit=lease.limit.limit,
        used=lease.used + meter.spent,
        held=lease.elsewhere + meter.held,
        needed=meter.weights.worst(call.input_tokens, min(call.output_tokens, OUTPUT_FLOOR)),
        refill_at=instant(account.end),
    )
