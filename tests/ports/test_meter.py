"""The meter: who a key is, holds that never exceed the limit, records that are never lost nor doubled."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from packhouse.adapters.metering.database import MeterDatabase
from packhouse.adapters.metering.journal import Journal, SentEntry, SettledEntry
from packhouse.adapters.metering.meter import LeasedHold, LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.errors import Refused
from packhouse.domain.key import write_key
from packhouse.domain.units import KeyId, ModelTokens, ResourceId, microseconds
from packhouse.ports.meter import Call, Exhausted, Settlement
from tests.support.databases import KINDS, installed
from tests.support.installation import ANCHOR, NOW, Installation

pytestmark = pytest.mark.anyio


@pytest.fixture(params=KINDS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    with installed(request.param, tmp_path) as made:
        made.pack("res_1", "text_generation", {"input": 1_000, "output": 500})
        yield made


@asynccontextmanager
async def running(
    installation: Installation, clock: SetClock | None = None
) -> AsyncGenerator[tuple[LeasedMeter, Upkeep]]:
    clock = clock or SetClock(NOW)
    ids = SystemIds(clock)
    meter = LeasedMeter(database=installation.database, journals=installation.journals, clock=clock, ids=ids)
    upkeep = Upkeep(meter, clock, kind="gateway")
    await upkeep.start()
    try:
        yield meter, upkeep
    finally:
        await upkeep.stop()


async def call(meter: LeasedMeter, input_tokens: int, output_tokens: int) -> Call:
    pack = await meter.pack(ResourceId("res_1"))
    return Call(
        pack=pack,
        key_id=KeyId("key_1"),
        model="local-text",
        operation="chat",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def reported(input_tokens: int, output_tokens: int) -> Settlement:
    return Settlement(ModelTokens(input_tokens, output_tokens), "reported", "ok")


def used(installation: Installation, meter: str) -> int:
    return installation.count("SELECT coalesce(sum(used), 0) FROM usage_total WHERE meter = ?", meter)


async def test_a_call_is_held_at_its_worst_and_settled_to_the_truth(installation: Installation) -> None:
    async with running(installation) as (meter, _):
        hold = await meter.hold(await call(meter, 100, 50))
        assert isinstance(hold, LeasedHold)
        assert hold.amounts == (100, 50)
        meter.sent(hold)
        meter.settle(hold, reported(60, 20))
    assert (used(installation, "input"), used(installation, "output")) == (60, 20)
    assert installation.sql("SELECT input, output, source, outcome FROM usage_record") == [(60, 20, "reported", "ok")]
    assert installation.sql("SELECT calls, input, output FROM usage_hour") == [(1, 60, 20)]


async def test_nothing_is_left_behind_by_a_meter_that_stops(installation: Installation) -> None:
    async with running(installation) as (meter, _):
        hold = await meter.hold(await call(meter, 100, 50))
        assert isinstance(hold, LeasedHold)
        meter.release(hold)
    assert installation.count("SELECT count(*) FROM meter_block") == 0
    assert installation.count("SELECT count(*) FROM meter_process") == 0
    assert installation.count("SELECT count(*) FROM usage_record") == 0
    assert list(installation.journals.iterdir()) == []


async def test_the_output_cap_is_lowered_and_under_the_floor_refused(installation: Installation) -> None:
    async with running(installation) as (meter, _):
        first = await meter.hold(await call(meter, 10, 470))
        assert isinstance(first, LeasedHold)
        lowered = await meter.hold(await call(meter, 10, 100))
        assert isinstance(lowered, LeasedHold)
        assert lowered.output_tokens == 30
        refused = await meter.hold(await call(meter, 10, 100))
        assert isinstance(refused, Exhausted)
        assert (refused.meter, refused.limit, refused.used, refused.held) == ("output", 500, 0, 500)
        assert refused.refill_at == datetime(2026, 12, 3, 10, 0, tzinfo=UTC)
        meter.release(first)
        meter.release(lowered)
        again = await meter.hold(await call(meter, 10, 100))
        assert isinstance(again, LeasedHold)
        assert again.output_tokens == 100
        meter.release(again)


async def test_many_at_once_never_pass_the_limit_and_use_it_up(installation: Installation) -> None:
    async with running(installation) as (meter, _):

        async def one() -> int:
            hold = await meter.hold(await call(meter, 7, 0))
            if isinstance(hold, Exhausted):
                return 0
            await asyncio.sleep(0)
            meter.sent(hold)
            meter.settle(hold, reported(7, 0))
            return 1

        done = sum(await asyncio.gather(*(one() for _ in range(400))))
        assert done == 1_000 // 7
    assert used(installation, "input") == done * 7


async def test_two_processes_share_one_limit(installation: Installation) -> None:
    async with running(installation) as (left, _), running(installation) as (right, _):
        granted = 0
        for meter in [left, right] * 100:
            hold = await meter.hold(await call(meter, 10, 0))
            if isinstance(hold, LeasedHold):
                meter.sent(hold)
                meter.settle(hold, reported(10, 0))
                granted += 10
        assert granted <= 1_000
    assert used(installation, "input") == granted


async def test_an_idle_block_goes_back_to_everybody(installation: Installation) -> None:
    clock = SetClock(NOW)
    async with running(installation, clock) as (left, upkeep):
        hold = await left.hold(await call(left, 900, 0))
        assert isinstance(hold, LeasedHold)
        left.release(hold)
        assert installation.count("SELECT sum(amount) FROM meter_block") == 900
        clock.advance(timedelta(seconds=2))
        await upkeep.beat()
        assert installation.count("SELECT sum(amount) FROM meter_block") == 0


async def test_what_another_process_does_not_hold_is_recalled_before_a_call_is_refused(
    installation: Installation,
) -> None:
    async with running(installation) as (left, _), running(installation) as (right, _):
        held = await left.hold(await call(left, 300, 100))
        idle = await left.hold(await call(left, 600, 300))
        assert isinstance(held, LeasedHold)
        assert isinstance(idle, LeasedHold)
        left.release(idle)
        rest = await right.hold(await call(right, 700, 400))
        assert isinstance(rest, LeasedHold)
        assert rest.output_tokens == 400
        refused = await right.hold(await call(right, 1, 1))
        assert isinstance(refused, Exhausted)
        assert (refused.used, refused.held, refused.needed) == (0, 1_000, 1)
        left.release(held)
        lowered = await right.hold(await call(right, 1, 200))
        assert isinstance(lowered, LeasedHold)
        assert lowered.output_tokens == 100
        right.release(rest)
        right.release(lowered)


async def test_a_recall_waits_for_no_process_whose_lease_has_passed(installation: Installation) -> None:
    installation.sql(
        "INSERT INTO meter_process (id, kind, started_at, lease_until) VALUES ('proc_dead', 'gateway', 0, ?)",
        microseconds(NOW) - 1,
    )
    installation.sql(
        "INSERT INTO meter_block (process_id, resource_id, month_start, meter, amount)"
        " VALUES ('proc_dead', 'res_1', ?, 'input', 900)",
        microseconds(ANCHOR),
    )
    database = MeterDatabase(installation.database)
    month = ("res_1", microseconds(ANCHOR))
    number = database.recall(month, now=microseconds(NOW))
    assert database.recalls("proc_dead") == [(month, number)]
    assert not database.unanswered("proc_1", month, number=number, now=microseconds(NOW))
    database.close()
    async with running(installation) as (meter, _):
        refused = await meter.hold(await call(meter, 200, 0))
        assert isinstance(refused, Exhausted)
        assert (refused.held, refused.needed) == (900, 200)


async def test_the_month_turns_without_anybody_doing_anything(installation: Installation) -> None:
    clock = SetClock(NOW)
    async with running(installation, clock) as (meter, upkeep):
        late = await meter.hold(await call(meter, 1_000, 0))
        assert isinstance(late, LeasedHold)
        meter.sent(late)
        clock.advance(timedelta(days=9))
        fresh = await meter.hold(await call(meter, 1_000, 0))
        assert isinstance(fresh, LeasedHold)
        meter.release(fresh)
        meter.settle(late, reported(900, 0))
        await upkeep.drain()
        months = installation.sql("SELECT month_start, used FROM usage_total WHERE meter = 'input'")
        assert months == [(microseconds(ANCHOR), 900)]


async def test_an_upgrade_counts_at_once(installation: Installation) -> None:
    async with running(installation) as (meter, _):
        assert isinstance(await meter.hold(await call(meter, 1_500, 0)), Exhausted)
        installation.limit("res_1", "input", 2_000, ANCHOR)
        hold = await meter.hold(await call(meter, 1_500, 0))
        assert isinstance(hold, LeasedHold)
        meter.release(hold)


def dead_process(installation: Installation, entries: list[SentEntry | SettledEntry], leased: int) -> None:
    """A process that wrote these entries, held a block, and was killed."""
    journal = Journal(installation.journals, "proc_dead")
    segment = None
    for entry in entries:
        if isinstance(entry, SentEntry):
            segment = journal.begin(entry)
        else:
            assert segment is not None
            journal.settled(segment, entry)
    installation.sql(
        "INSERT INTO meter_process (id, kind, started_at, lease_until) VALUES ('proc_dead', 'gateway', 1, 2)"
    )
    start = microseconds(ANCHOR)
    installation.sql(
        "INSERT INTO meter_block (process_id, resource_id, month_start, meter, amount)"
        " VALUES ('proc_dead', 'res_1', ?, 'input', ?)",
        start,
        leased,
    )
    journal.abandon()


def sent(call_id: str) -> SentEntry:
    at = microseconds(NOW) - 5_000_000
    return SentEntry(call_id, "com_1", "res_1", None, "local-text", "chat", microseconds(ANCHOR), at, 300, 40)


async def test_what_a_killed_process_left_is_booked_once_and_its_block_ends(installation: Installation) -> None:
    settled = SettledEntry("call_a", 250, 30, 0, 0, "reported", "ok", 12)
    dead_process(installation, [sent("call_a"), settled, sent("call_b")], leased=1_000)
    async with running(installation) as (meter, upkeep):
        await upkeep.beat()
        rows = installation.sql("SELECT call_id, input, output, source, outcome FROM usage_record ORDER BY call_id")
        assert rows == [("call_a", 250, 30, "reported", "ok"), ("call_b", 300, 40, "estimated", "crashed")]
        assert installation.count("SELECT count(*) FROM meter_block WHERE process_id = 'proc_dead'") == 0
        hold = await meter.hold(await call(meter, 450, 0))
        assert isinstance(hold, LeasedHold), "what the dead process did not use is free again"
        meter.release(hold)
    assert used(installation, "input") == 550
    assert list(installation.journals.iterdir()) == []


async def test_recovering_twice_changes_nothing(installation: Installation) -> None:
    settled = SettledEntry("call_a", 250, 30, 0, 0, "reported", "ok", 12)
    for _ in range(2):
        dead_process(installation, [sent("call_a"), settled], leased=300)
        async with running(installation):
            pass
    assert used(installation, "input") == 250
    assert installation.count("SELECT calls FROM usage_hour") == 1


async def test_a_torn_last_entry_is_not_an_entry(installation: Installation) -> None:
    dead_process(installation, [sent("call_a"), sent("call_b")], leased=10)
    (segment,) = installation.journals.glob("*.journal")
    written = segment.read_bytes()
    end = len(written.rstrip(b"\0"))
    segment.write_bytes(written[: end - 3] + bytes(len(written) - end + 3))
    async with running(installation):
        pass
    assert installation.sql("SELECT call_id FROM usage_record") == [("call_a",)]


async def test_a_living_process_is_not_recovered(installation: Installation) -> None:
    async with running(installation) as (left, _):
        hold = await left.hold(await call(left, 100, 0))
        assert isinstance(hold, LeasedHold)
        left.sent(hold)
        async with running(installation) as (_, upkeep):
            await upkeep.beat()
            assert installation.count("SELECT count(*) FROM usage_record") == 0
        left.settle(hold, reported(80, 0))
    assert used(installation, "input") == 80


async def test_a_key_is_known_until_it_is_revoked(installation: Installation) -> None:
    text = installation.key("key_1", "res_1")
    async with running(installation) as (meter, upkeep):
        access = await meter.access(text + "@http://127.0.0.1:8710")
        assert access.pack("text_generation").id == "res_1"
        assert (await meter.access(text)).key_id == "key_1"
        with pytest.raises(Refused) as wrong:
            access.pack("embeddings")
        assert wrong.value.code == "key_wrong_type"
        assert "text_generation" in wrong.value.message
        installation.sql("UPDATE api_key SET revoked_at = 1")
        installation.changed()
        await upkeep.news()
        with pytest.raises(Refused) as revoked:
            await meter.access(text)
        assert revoked.value.code == "key_revoked"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE resource SET suspension = 'terms_not_accepted'", "resource_suspended"),
        ("UPDATE resource SET deprovisioned_at = 1", "resource_inactive"),
        ("UPDATE resource SET activated_at = NULL", "resource_inactive"),
        ("UPDATE resource SET failed_at = 1", "resource_inactive"),
        (f"UPDATE resource SET ends_at = {microseconds(NOW) - 1}", "resource_inactive"),
    ],
)
async def test_an_unusable_pack_says_why(installation: Installation, change: str, code: str) -> None:
    text = installation.key("key_1", "res_1")
    installation.sql(change)
    async with running(installation) as (meter, _):
        access = await meter.access(text)
        with pytest.raises(Refused) as refused:
            access.pack("text_generation")
        assert refused.value.code == code


async def test_a_pack_that_ends_is_refused_though_its_key_is_in_memory(installation: Installation) -> None:
    text = installation.key("key_1", "res_1")
    installation.sql("UPDATE resource SET ends_at = ?", microseconds(NOW + timedelta(hours=1)))
    clock = SetClock(NOW)
    async with running(installation, clock) as (meter, _):
        (await meter.access(text)).pack("text_generation")
        clock.advance(timedelta(hours=1))
        with pytest.raises(Refused):
            (await meter.access(text)).pack("text_generation")


async def test_a_wrong_secret_is_an_unknown_key(installation: Installation) -> None:
    installation.key("key_1", "res_1")
    async with running(installation) as (meter, _):
        with pytest.raises(Refused) as unknown:
            await meter.access(write_key("abcdefABCDEF", "t" * 32))
        assert unknown.value.code == "key_unknown"


async def test_more_than_was_held_is_booked_and_told_once_a_minute(installation: Installation) -> None:
    with structlog.testing.capture_logs() as logs:
        async with running(installation) as (meter, _):
            for _ in range(2):
                hold = await meter.hold(await call(meter, 100, 50))
                assert isinstance(hold, LeasedHold)
                meter.sent(hold)
                meter.settle(hold, reported(90, 300))
            assert isinstance(await meter.hold(await call(meter, 100, 50)), Exhausted)
    assert used(installation, "output") == 600
    (told,) = [log for log in logs if log["event"] == "provider_reported_more_than_held"]
    assert (told["model"], told["output"], told["output_held"]) == ("local-text", 300, 50)


async def test_a_database_that_is_away_loses_nothing(installation: Installation) -> None:
    async with running(installation) as (meter, upkeep):
        hold = await meter.hold(await call(meter, 100, 0))
        assert isinstance(hold, LeasedHold)
        meter.sent(hold)
        meter.settle(hold, reported(90, 0))
        installation.sql("ALTER TABLE usage_record RENAME TO away")
        with pytest.raises(Exception, match="usage_record"):
            await upkeep.drain()
        installation.sql("ALTER TABLE away RENAME TO usage_record")
        await upkeep.drain()
        assert used(installation, "input") == 90
