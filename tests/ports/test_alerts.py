"""The book of alerts and its outbox, on each database: once a month each, with all deliveries or none."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from packhouse.adapters.outside.clock import SetClock
from packhouse.domain.alert import AlertKind
from packhouse.domain.forecast import DayTokens
from packhouse.domain.units import CompanyId, ModelTokens, microseconds
from packhouse.ports.alerts import WEBHOOK_AT_ONCE, Dispatch
from tests.support import alerts
from tests.support.alerts import PACK, AlertWorker, alert, alert_worker, consumed, hooked, people, used
from tests.support.databases import KINDS, installed
from tests.support.installation import ANCHOR, NOW, Installation

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=60)
MAILED = {"ada@example.com", "bob@example.com"}


@dataclass(frozen=True)
class Bench:
    """Two workers on one database, with one clock."""

    installation: Installation
    clock: SetClock
    one: AlertWorker
    other: AlertWorker

    def targets(self) -> list[str]:
        rows = self.installation.sql("SELECT target FROM alert_delivery ORDER BY id")
        return [str(target) for (target,) in rows]

    def row(self, dispatch: Dispatch) -> tuple[object, ...]:
        """State, attempts, error, next_at."""
        return self.installation.sql(
            "SELECT state, attempts, error, next_at FROM alert_delivery WHERE id = ?", dispatch.delivery.id
        )[0]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Bench]:
    clock = SetClock(NOW)
    with installed(request.param, tmp_path) as installation:
        people(installation)
        with alert_worker(installation, clock) as one, alert_worker(installation, clock) as other:
            yield Bench(installation, clock, one, other)


async def test_a_pack_is_nearing_its_limit_from_four_fifths_on(bench: Bench) -> None:
    used(bench.installation, "input", 7_999)
    used(bench.installation, "output", 799)
    assert await bench.one.book.nearing() == []
    used(bench.installation, "output", 800)
    (known,) = await bench.one.book.nearing()
    standing = known.standing
    assert (standing.resource_id, standing.resource_name, standing.company_id) == (PACK, "A pack", "com_1")
    assert (standing.meter, standing.used, standing.limit) == ("output", 800, 1_000)
    assert (standing.month_start_at, standing.refill_at) == (alerts.MONTH_START, alerts.MONTH_END)
    assert known.kinds == frozenset()


async def test_what_is_said_is_known_and_in_the_end_nothing_is_left_to_say(bench: Bench) -> None:
    used(bench.installation, "output", 950)
    await bench.one.book.put([alert("used_80", told=False), alert("used_90")], by_mail=True)
    assert await bench.other.book.nearing() == []
    used(bench.installation, "output", 1_000)
    (known,) = await bench.other.book.nearing()
    assert known.kinds == {"used_80", "used_90"}
    assert await bench.other.book.kinds(known.standing) == known.kinds
    await bench.one.book.put([alert("used_100")], by_mail=True)
    assert await bench.other.book.nearing() == []


async def test_between_two_thresholds_there_is_nothing_to_look_at(bench: Bench) -> None:
    steps: list[tuple[AlertKind, int, int | None]] = [
        ("used_80", 899, 900),
        ("used_90", 994, 995),
        ("used_100", 1_000, None),
    ]
    for kind, quiet, passed in steps:
        await bench.one.book.put([alert(kind)], by_mail=False)
        used(bench.installation, "output", quiet)
        assert await bench.one.book.nearing() == []
        if passed is not None:
            used(bench.installation, "output", passed)
            assert len(await bench.one.book.nearing()) == 1


async def test_an_upgrade_counts_at_once(bench: Bench) -> None:
    used(bench.installation, "output", 900)
    bench.installation.limit(PACK, "output", 2_000, ANCHOR)
    assert await bench.one.book.nearing() == []


async def test_a_limit_of_the_next_month_does_not_count_yet(bench: Bench) -> None:
    used(bench.installation, "output", 500)
    bench.installation.limit(PACK, "output", 500, alerts.MONTH_END)
    assert await bench.one.book.nearing() == []


async def test_the_next_month_begins_anew(bench: Bench) -> None:
    used(bench.installation, "output", 1_000)
    await bench.one.book.put([alert("used_100")], by_mail=True)
    bench.clock.set(alerts.MONTH_END)
    assert await bench.one.book.nearing() == []
    used_in_the_next = (PACK, microseconds(alerts.MONTH_END), "output", 1_000)
    bench.installation.sql("INSERT INTO usage_total VALUES (?, ?, ?, ?)", *used_in_the_next)
    (known,) = await bench.one.book.nearing()
    assert (known.standing.month_start_at, known.kinds) == (alerts.MONTH_END, frozenset())


@pytest.mark.parametrize("column", ["ends_at", "deprovisioned_at"])
async def test_a_pack_that_has_ended_warns_nobody(bench: Bench, column: str) -> None:
    used(bench.installation, "output", 1_000)
    bench.installation.sql(f"UPDATE resource SET {column} = ?", microseconds(NOW))
    assert await bench.one.book.nearing() == []


async def test_an_alert_goes_to_the_team_the_admins_and_the_company_s_webhooks(bench: Bench) -> None:
    hooked(bench.installation, "whk_1")
    hooked(bench.installation, "whk_off")
    bench.installation.sql("UPDATE webhook SET enabled = FALSE WHERE id = 'whk_off'")
    hooked(bench.installation, "whk_theirs", company="com_2")
    bench.installation.sql("UPDATE resource SET created_for_email = 'Dora@Example.com'")
    raised = alert()
    assert await bench.one.book.put([raised], by_mail=True) == [raised]
    assert bench.targets() == ["ada@example.com", "bob@example.com", "dora@example.com", "whk_1"]


async def test_whoever_muted_it_gets_none(bench: Bench) -> None:
    bench.installation.sql("UPDATE resource SET created_for_email = 'cy@example.com'")
    for user, resource in (("usr_ada", ""), ("usr_bob", PACK), ("usr_cy", "res_other")):
        bench.installation.sql("INSERT INTO alert_mute VALUES (?, ?, 0)", user, resource)
    await bench.one.book.put([alert()], by_mail=True)
    assert bench.targets() == ["cy@example.com"]
    bench.installation.sql("INSERT INTO alert_mute VALUES ('usr_cy', ?, 0)", PACK)
    await bench.one.book.put([alert("used_90")], by_mail=True)
    assert bench.targets() == ["cy@example.com"]


async def test_a_disabled_user_gets_none_though_the_pack_was_created_for_them(bench: Bench) -> None:
    bench.installation.sql("UPDATE resource SET created_for_email = 'gone@example.com'")
    await bench.one.book.put([alert()], by_mail=True)
    assert set(bench.targets()) == MAILED


async def test_without_a_mail_server_only_webhooks_are_told(bench: Bench) -> None:
    hooked(bench.installation, "whk_1")
    await bench.one.book.put([alert()], by_mail=False)
    assert bench.targets() == ["whk_1"]


async def test_of_many_workers_at_once_one_raises_an_alert(bench: Bench) -> None:
    tries = [worker.book.put([alert()], by_mail=True) for worker in (bench.one, bench.other) for _ in range(10)]
    assert sum(len(new) for new in await asyncio.gather(*tries)) == 1
    assert bench.installation.count("SELECT count(*) FROM alert") == 1
    assert set(bench.targets()) == MAILED
    assert len(bench.targets()) == 2


async def test_what_breaks_in_the_middle_leaves_neither_alert_nor_delivery(bench: Bench) -> None:
    bench.installation.sql("ALTER TABLE alert_delivery RENAME COLUMN target TO goal")
    with pytest.raises(Exception, match="target"):
        await bench.one.book.put([alert()], by_mail=True)
    assert bench.installation.count("SELECT count(*) FROM alert") == 0
    bench.installation.sql("ALTER TABLE alert_delivery RENAME COLUMN goal TO target")
    assert len(await bench.one.book.put([alert()], by_mail=True)) == 1


async def test_one_that_was_passed_with_a_higher_one_is_noted_and_told_nobody(bench: Bench) -> None:
    await bench.one.book.put([alert("used_80", told=False)], by_mail=True)
    assert bench.installation.count("SELECT count(*) FROM alert WHERE NOT told") == 1
    assert bench.targets() == []
    assert await bench.one.outbox.claim(lease=LEASE) is None


async def test_a_delivery_is_one_worker_s_until_its_lease_ends(bench: Bench) -> None:
    raised = alert("runs_dry")
    bench.installation.sql("DELETE FROM membership")
    await bench.one.book.put([raised], by_mail=True)
    taken = await bench.one.outbox.claim(lease=LEASE)
    assert taken is not None
    assert (taken.alert, taken.place) == (raised, None)
    assert (taken.delivery.channel, taken.delivery.target, taken.delivery.attempts) == ("email", "ada@example.com", 1)
    assert await bench.other.outbox.claim(lease=LEASE) is None

    bench.clock.advance(LEASE)
    again = await bench.other.outbox.claim(lease=LEASE)
    assert again is not None
    assert (again.delivery.id, again.delivery.attempts) == (taken.delivery.id, 2)
    await bench.one.outbox.delivered(taken.delivery)  # too late: it is the other's now
    assert bench.row(taken)[0] == "sending"
    await bench.other.outbox.delivered(again.delivery)
    assert bench.row(taken)[:3] == ("delivered", 2, "")
    bench.clock.advance(LEASE)
    assert await bench.one.outbox.claim(lease=LEASE) is None


async def test_many_workers_claim_each_delivery_once(bench: Bench) -> None:
    for number in range(20):
        hooked(bench.installation, f"whk_{number:02}")
    await bench.one.book.put([alert()], by_mail=False)
    claims = [worker.outbox.claim(lease=LEASE) for worker in (bench.one, bench.other) for _ in range(15)]
    taken = [dispatch.delivery.target for dispatch in await asyncio.gather(*claims) if dispatch]
    assert sorted(taken) == [f"whk_{number:02}" for number in range(20)]


async def test_of_one_webhook_so_many_are_sent_at_a_time_and_others_are_claimed_past_it(bench: Bench) -> None:
    hooked(bench.installation, "whk_slow")
    await bench.one.book.put([alert(meter=f"m{number}") for number in range(8)], by_mail=False)
    bench.clock.advance(timedelta(seconds=1))
    bench.installation.sql("UPDATE webhook SET enabled = FALSE")
    hooked(bench.installation, "whk_other")
    await bench.one.book.put([alert()], by_mail=True)
    claims = [worker.outbox.claim(lease=LEASE) for worker in (bench.one, bench.other) for _ in range(9)]
    taken = [dispatch for dispatch in await asyncio.gather(*claims) if dispatch]
    slow = [dispatch for dispatch in taken if dispatch.delivery.target == "whk_slow"]
    assert len(slow) == WEBHOOK_AT_ONCE
    assert {dispatch.delivery.target for dispatch in taken} == {"whk_slow", "whk_other", *MAILED}
    await bench.one.outbox.delivered(slow[0].delivery)  # not theirs, perhaps: then nothing is done
    await bench.other.outbox.delivered(slow[0].delivery)
    again = await bench.one.outbox.claim(lease=LEASE)
    assert again is not None
    assert again.delivery.target == "whk_slow"
    assert await bench.other.outbox.claim(lease=LEASE) is None
    bench.clock.advance(LEASE)
    await asyncio.gather(*(bench.one.outbox.claim(lease=LEASE) for _ in range(9)))
    live = "SELECT count(*) FROM alert_delivery WHERE target = 'whk_slow' AND state = 'sending' AND lease_until > ?"
    assert bench.installation.count(live, microseconds(NOW + timedelta(seconds=1) + LEASE)) == WEBHOOK_AT_ONCE


async def test_each_company_has_its_turn_and_each_channel_its_own(bench: Bench) -> None:
    for number in range(3):
        hooked(bench.installation, f"whk_{number}")
    await bench.one.book.put([alert(meter=f"m{number}") for number in range(3)], by_mail=True)
    bench.clock.advance(timedelta(seconds=1))
    hooked(bench.installation, "whk_theirs", company="com_2")
    await bench.one.book.put([replace(alert(), company_id=CompanyId("com_2"))], by_mail=False)
    first = await bench.one.outbox.claim(lease=LEASE, channel="webhook")
    second = await bench.other.outbox.claim(lease=LEASE, channel="webhook")
    letter = await bench.other.outbox.claim(lease=LEASE, channel="email")
    assert first is not None
    assert second is not None
    assert letter is not None
    assert (first.delivery.company_id, second.delivery.target) == ("com_1", "whk_theirs")
    assert letter.delivery.channel == "email"


async def test_what_failed_waits_then_is_tried_again_then_ends(bench: Bench) -> None:
    hooked(bench.installation, "whk_1")
    await bench.one.book.put([alert()], by_mail=False)
    taken = await bench.one.outbox.claim(lease=LEASE)
    assert taken is not None
    await bench.one.outbox.failed(taken.delivery, "status 500", retry_after=timedelta(seconds=5))
    assert bench.row(taken) == ("waiting", 1, "status 500", microseconds(NOW + timedelta(seconds=5)))
    assert await bench.one.outbox.claim(lease=LEASE) is None
    bench.clock.advance(timedelta(seconds=5))
    again = await bench.other.outbox.claim(lease=LEASE)
    assert again is not None
    await bench.other.outbox.failed(again.delivery, "timeout", retry_after=None)
    assert bench.row(taken)[:3] == ("failed", 2, "timeout")


async def test_what_is_given_back_is_due_at_once_and_counts_no_attempt(bench: Bench) -> None:
    hooked(bench.installation, "whk_1")
    await bench.one.book.put([alert()], by_mail=False)
    taken = await bench.one.outbox.claim(lease=LEASE)
    assert taken is not None
    await bench.one.outbox.give_back(taken.delivery)
    again = await bench.other.outbox.claim(lease=LEASE)
    assert again is not None
    assert again.delivery.attempts == 1


async def test_a_webhook_that_is_gone_is_disabled(bench: Bench) -> None:
    hooked(bench.installation, "whk_1")
    await bench.one.book.put([alert()], by_mail=False)
    await bench.one.book.put([alert("used_90")], by_mail=False)
    taken = await bench.one.outbox.claim(lease=LEASE)
    assert taken is not None
    await bench.one.outbox.gone(taken.delivery)
    assert bench.row(taken)[:3] == ("failed", 1, "status 410")
    assert bench.installation.sql("SELECT enabled, disabled_reason FROM webhook") == [(False, "gone")]
    other = await bench.one.outbox.claim(lease=LEASE)
    assert other is not None
    assert other.place is None


async def test_after_a_rotation_both_secrets_sign_for_a_while(bench: Bench) -> None:
    hooked(bench.installation, "whk_1")
    until = NOW + timedelta(hours=24)
    bench.installation.sql(
        "UPDATE webhook SET secret = ?, previous_secret = ?, previous_until_at = ?",
        b"new" * 10,
        b"old" * 10,
        microseconds(until),
    )
    await bench.one.book.put([alert()], by_mail=False)
    taken = await bench.one.outbox.claim(lease=LEASE)
    assert taken is not None
    assert taken.place is not None
    assert [secret.raw for secret in taken.place.secrets] == [b"new" * 10, b"old" * 10]
    assert "new" not in repr(taken)
    bench.clock.set(until)
    again = await bench.one.outbox.claim(lease=LEASE)
    assert again is not None
    assert again.place is not None
    assert [secret.raw for secret in again.place.secrets] == [b"new" * 10]


async def test_each_pack_is_forecast_by_one_worker_an_hour(bench: Bench) -> None:
    every = timedelta(hours=1)
    assert await bench.one.book.to_forecast(every=every, at_most=9, months=2) == []  # nothing was used yet
    used(bench.installation, "output", 100)
    consumed(bench.installation, datetime(2026, 11, 20, tzinfo=UTC), 30)
    consumed(bench.installation, datetime(2026, 11, 20, tzinfo=UTC), 70, model="other")
    tries = [
        worker.book.to_forecast(every=every, at_most=9, months=2)
        for worker in (bench.one, bench.other)
        for _ in range(5)
    ]
    (found,) = [pack for packs in await asyncio.gather(*tries) for pack in packs]
    assert (found.resource_id, found.anchor_at, found.used) == (PACK, ANCHOR, {"output": 100})
    assert set(found.limits) == {alerts.MONTH_START}
    limits = found.limits[alerts.MONTH_START]
    assert [(limit.meter, limit.limit, limit.weights.output) for limit in limits] == [
        ("input", 10_000, 0),
        ("output", 1_000, 1),
    ]
    assert found.days == (DayTokens(date(2026, 11, 20), alerts.MONTH_START, ModelTokens(output=100)),)
    bench.clock.advance(every)
    assert len(await bench.other.book.to_forecast(every=every, at_most=9, months=2)) == 1


async def test_knowledge_bases_are_told_apart_from_packs(bench: Bench) -> None:
    bench.installation.pack("res_kb", "knowledge_base", {})
    (base,) = await bench.one.book.knowledge_bases()
    assert (base.resource_id, base.resource_name, base.plan, base.anchor_at) == ("res_kb", "A pack", "S", ANCHOR)
