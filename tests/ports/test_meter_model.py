"""The meter against books of a few lines: whatever happens in whichever process, both say the same."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from packhouse.adapters.metering.fence import Terms
from packhouse.adapters.metering.meter import LeasedHold, LeasedMeter
from packhouse.adapters.metering.recovery import recover
from packhouse.adapters.metering.upkeep import IDLE_AFTER, Upkeep
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.month import bundle_month
from packhouse.domain.units import KeyId, ModelTokens, ResourceId, microseconds
from packhouse.ports.meter import Call, Exhausted, Settlement
from tests.support.databases import Kind, installed
from tests.support.installation import ANCHOR, NOW, Installation

FLOOR = 16
LIMITS = (1_000, 500)
PROCESSES = 3
TERMS = Terms(lease=60_000_000)
Amounts = tuple[int, int]
"""Input and output tokens."""
Result = TypeVar("Result")


class Books:
    """What must be true, for one pack: the reference."""

    def __init__(self) -> None:
        self.limits = defaultdict[int, Amounts](lambda: LIMITS)
        self.used = defaultdict[int, Amounts](lambda: (0, 0))
        self.held = dict[str, tuple[int, Amounts]]()
        self.records = dict[str, Amounts]()

    def left(self, month: int) -> Amounts:
        of = [
            self.limits[month],
            self.used[month],
            *(amounts for start, amounts in self.held.values() if start == month),
        ]
        return of[0][0] - sum(each[0] for each in of[1:]), of[0][1] - sum(each[1] for each in of[1:])

    def cap(self, month: int, wanted: Amounts) -> int | None:
        """The output that a call is granted; None: it is refused."""
        room_in, room_out = self.left(month)
        fits = wanted[0] <= room_in and min(wanted[1], FLOOR) <= room_out
        return min(wanted[1], room_out) if fits else None

    def book(self, call_id: str, amounts: Amounts) -> None:
        month, _ = self.held.pop(call_id)
        self.records[call_id] = amounts
        self.used[month] = (self.used[month][0] + amounts[0], self.used[month][1] + amounts[1])


class Process:
    """A meter with its upkeep, which runs when it is told to."""

    def __init__(self, installation: Installation, clock: SetClock) -> None:
        self.meter = LeasedMeter(
            database=installation.database, journals=installation.journals, clock=clock, ids=SystemIds(clock)
        )
        self.upkeep = Upkeep(self.meter, clock, kind="gateway", terms=TERMS)
        self.holds = list[LeasedHold]()

    def die(self) -> None:
        """Nothing of it is written any more; its lock is free."""
        self.meter.journal.abandon()
        self.meter.database.close()


class MeterMachine(RuleBasedStateMachine):
    """Three processes share a pack."""

    kind: Kind = "sqlite"
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.clock = SetClock(NOW)
        self.books = Books()
        self._installed = installed(self.kind, Path(self.folder.name))
        self.installation = self._installed.__enter__()
        self.installation.pack("res_1", "text_generation", {"input": LIMITS[0], "output": LIMITS[1]})
        self.processes = list[Process]()

    @initialize()
    def start(self) -> None:
        for _ in range(PROCESSES):
            self.new_process()

    def new_process(self) -> None:
        process = Process(self.installation, self.clock)
        self.run(process.upkeep.beat())
        self.processes.append(process)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    @property
    def month(self) -> int:
        return microseconds(bundle_month(ANCHOR, self.clock.now()).start_at)

    @rule(
        target=held,
        which=st.integers(0, PROCESSES - 1),
        wanted=st.tuples(st.integers(0, 400), st.integers(0, 250)),
    )
    def hold(self, which: int, wanted: Amounts) -> Any:
        process = self.processes[which]
        expected = self.books.cap(self.month, wanted)
        admitted = self.run(self._hold(process, wanted))
        if isinstance(admitted, Exhausted):
            assert expected is None, (wanted, self.books.left(self.month))
            return multiple()
        assert admitted.output_tokens == expected, (wanted, self.books.left(self.month))
        self.books.held[admitted.call_id] = (self.month, (wanted[0], admitted.output_tokens))
        process.holds.append(admitted)
        return admitted

    async def _hold(self, process: Process, wanted: Amounts) -> LeasedHold | Exhausted:
        """The other processes go on meanwhile: they answer when quota is recalled."""
        call = Call(
            pack=await process.meter.pack(ResourceId("res_1")),
            key_id=KeyId("key_1"),
            model="local-text",
            operation="chat",
            input_tokens=wanted[0],
            output_tokens=wanted[1],
        )
        holding = asyncio.ensure_future(process.meter.hold(call))
        while not holding.done():
            for each in self.processes:
                await each.upkeep.answer_recalls()
            await asyncio.sleep(0)
        return holding.result()

    def _owner(self, hold: LeasedHold) -> Process | None:
        """None where it died, or the hold is closed."""
        return next((process for process in self.processes if hold in process.holds), None)

    @rule(hold=held)
    def send(self, hold: LeasedHold) -> None:
        owner = self._owner(hold)
        if owner is not None and not hold.sent:
            owner.meter.sent(hold)

    @rule(hold=consumes(held), parts=st.tuples(st.integers(0, 100), st.integers(0, 100)))
    def settle(self, hold: LeasedHold, parts: Amounts) -> None:
        owner = self._owner(hold)
        if owner is None:
            return
        amounts = (hold.call.input_tokens * parts[0] // 100, hold.output_tokens * parts[1] // 100)
        owner.meter.settle(hold, Settlement(ModelTokens(*amounts), "reported", "ok"))
        owner.holds.remove(hold)
        self.books.book(hold.call_id, amounts)

    @rule(hold=consumes(held))
    def release(self, hold: LeasedHold) -> None:
        owner = self._owner(hold)
        if owner is None:
            return
        if hold.sent:
            self.settle(hold, (100, 100))
            return
        owner.meter.release(hold)
        owner.holds.remove(hold)
        del self.books.held[hold.call_id]

    @rule(which=st.integers(0, PROCESSES - 1))
    def drain(self, which: int) -> None:
        self.run(self.processes[which].upkeep.drain())

    @rule()
    def rest(self) -> None:
        """Long enough for idle blocks to go back."""
        self.clock.advance(timedelta(microseconds=IDLE_AFTER + 1))
        self.beat()

    def beat(self) -> None:
        for process in self.processes:
            self.run(process.upkeep.beat())

    @rule(which=st.integers(0, PROCESSES - 1), twice=st.booleans())
    def crash(self, which: int, twice: bool) -> None:
        """SIGKILL; another process recovers what it left, perhaps twice. What it had sent is booked at its worst."""
        dead = self.processes.pop(which)
        dead.die()
        rescuer = self.processes[0].meter
        for _ in range(1 + twice):
            recover(rescuer.journals, rescuer.database, now=self.clock.microseconds())
        for hold in dead.holds:
            if hold.sent:
                self.books.book(hold.call_id, (hold.call.input_tokens, hold.output_tokens))
            else:
                del self.books.held[hold.call_id]
        self.new_process()

    @rule(which=st.integers(0, PROCESSES - 1), unsure=st.booleans())
    def expire(self, which: int, unsure: bool) -> None:
        """It is not heard of until others give it up, all but what its calls hold; then it is back. It may not learn
        what became of its first heartbeat."""
        lost = self.processes[which]
        self.beat()
        others = [process for process in self.processes if process is not lost]
        for _ in range(8):
            self.clock.advance(timedelta(microseconds=TERMS.lease // 7))
            for process in others:
                self.run(process.upkeep.beat())
        assert self.clock.microseconds() > lost.meter.good_until
        known = "SELECT count(*) FROM meter_process WHERE id = ?"
        assert self.installation.count(known, lost.meter.process_id) == 0
        if unsure:
            at = TERMS.beat(self.clock.microseconds())
            lost.meter.database.beat(lost.meter.process_id, kind="gateway", at=at, held={})
            lost.meter.line.doubts += 1
        self.run(lost.upkeep.beat())

    @rule(more=st.tuples(st.integers(0, 300), st.integers(0, 300)))
    def upgrade(self, more: Amounts) -> None:
        """Adds at once to the running month, and to those that follow."""
        old = self.books.limits[self.month]
        new = (old[0] + more[0], old[1] + more[1])
        start = bundle_month(ANCHOR, self.clock.now()).start_at
        for meter, limit in zip(("input", "output"), new, strict=True):
            self.installation.limit("res_1", meter, limit, start)
        self.books.limits[self.month] = new
        self.books.limits.default_factory = lambda: new

    @precondition(lambda self: len(self.books.used) < 4)
    @rule()
    def turn_the_month(self) -> None:
        """What is held stays with the month in which it was admitted."""
        self.books.used[self.month] = self.books.used[self.month]
        self.clock.set(bundle_month(ANCHOR, self.clock.now()).end_at + timedelta(hours=1))
        self.beat()

    @invariant()
    def never_over(self) -> None:
        for month in self.books.used:
            assert all(left >= 0 for left in self.books.left(month))

    def teardown(self) -> None:
        for process in self.processes:
            for hold in list(process.holds):
                self.settle(hold, (50, 50))
            self.run(process.upkeep.stop())
        try:
            self._agree()
        finally:
            self.loop.close()
            self._installed.__exit__(None, None, None)
            self.folder.cleanup()

    def _agree(self) -> None:
        sql = self.installation.sql
        assert {row[0]: row[1:] for row in sql("SELECT call_id, input, output FROM usage_record")} == self.books.records
        totals = {
            (month, meter): used for month, meter, used in sql("SELECT month_start, meter, used FROM usage_total")
        }
        for month, used in self.books.used.items():
            assert tuple(totals.get((month, meter), 0) for meter in ("input", "output")) == used
        assert sql("SELECT * FROM meter_block WHERE amount != 0") == []
        assert list(self.installation.journals.iterdir()) == []


class PostgresqlMachine(MeterMachine):
    """The same, on one PostgreSQL."""

    kind: Kind = "postgresql"


def of(examples: int) -> settings:
    return settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


TestMeter = MeterMachine.TestCase
TestMeter.settings = of(40)
TestMeterOnPostgresql = pytest.mark.needs("postgresql")(PostgresqlMachine.TestCase)
TestMeterOnPostgresql.settings = of(15)
