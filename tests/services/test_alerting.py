"""From use to a letter: looking, putting down once, delivering with retries; several workers on one database."""

import asyncio
import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packhouse.adapters.catalog.toml import DEFAULT, read_catalog
from packhouse.adapters.notify.captured import CapturedMail
from packhouse.adapters.notify.webhook import HttpWebhooks
from packhouse.adapters.outside.clock import SetClock, SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.catalog_file import NAME
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.domain.alert import ATTEMPTS_MAX, RETRY_AFTER
from packhouse.domain.units import microseconds
from packhouse.domain.webhook import write_secret
from packhouse.ports.notify import Failed
from packhouse.services.alerting import Alerting
from packhouse.services.delivering import LEASE, Delivering
from tests.support.alerts import PACK, AlertWorker, alert_worker, consumed, hooked, people, used
from tests.support.databases import KINDS, installed
from tests.support.installation import ANCHOR, NOW, Installation
from tests.support.receivers import hook

pytestmark = pytest.mark.anyio

PORTAL = "https://packhouse.example.com/"
SECRET = write_secret(bytes(32))
DISK = "disk_bytes = 10_737_418_240"
DISK_BYTES = 1_024_000


@dataclass
class Bench:
    installation: Installation
    clock: SetClock
    worker: AlertWorker
    mail: CapturedMail
    knowledge: Path
    catalog: Path | None = None

    @property
    def alerting(self) -> Alerting:
        return Alerting(
            self.worker.book,
            self.clock,
            ids=SystemIds(self.clock),
            catalog=read_catalog(self.catalog),
            sizes=EmbeddedSizes(self.knowledge),
            by_mail=True,
        )

    @property
    def delivering(self) -> Delivering:
        webhooks = HttpWebhooks(SystemClock(), private=True)  # its library knows the time by itself
        return Delivering(self.worker.outbox, mail=self.mail, webhooks=webhooks, portal_url=PORTAL)

    async def deliver(self) -> int:
        """All that is due; how many attempts that took."""
        delivering, attempts = self.delivering, 0
        while (dispatch := await delivering.next()) is not None:
            await delivering.deliver(dispatch)
            attempts += 1
        return attempts

    def subjects(self) -> list[str]:
        return [letter.subject for letter in self.mail.letters if letter.to == "bob@example.com"]

    def states(self) -> list[tuple[object, ...]]:
        return self.installation.sql("SELECT state, attempts, error FROM alert_delivery ORDER BY id")


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Bench]:
    clock = SetClock(NOW)
    with installed(request.param, tmp_path) as installation:
        people(installation)
        with alert_worker(installation, clock) as worker:
            yield Bench(installation, clock, worker, CapturedMail(), tmp_path / "knowledge")


async def test_each_threshold_is_said_once_a_month(bench: Bench) -> None:
    for amount in (500, 800, 850, 899, 900, 950, 1_000, 1_000):
        used(bench.installation, "output", amount)
        await bench.alerting.look()
        await bench.deliver()
    assert bench.subjects() == [
        "A pack: 80 % of the output tokens used",
        "A pack: 90 % of the output tokens used",
        "A pack: output tokens used up",
    ]
    assert len(bench.mail.letters) == 6  # to the admin, too


async def test_of_a_jump_only_the_highest_threshold_is_said(bench: Bench) -> None:
    used(bench.installation, "output", 700)
    assert await bench.alerting.look() == []
    used(bench.installation, "output", 950)
    assert [(one.kind, one.told) for one in await bench.alerting.look()] == [("used_80", False), ("used_90", True)]
    await bench.deliver()
    assert bench.subjects() == ["A pack: 90 % of the output tokens used"]


async def test_an_upgrade_brings_use_down_and_nothing_is_said_twice(bench: Bench) -> None:
    used(bench.installation, "output", 850)
    await bench.alerting.look()
    bench.installation.limit(PACK, "output", 2_000, ANCHOR)
    assert await bench.alerting.look() == []
    used(bench.installation, "output", 1_700)
    assert await bench.alerting.look() == []
    used(bench.installation, "output", 1_800)
    assert [one.kind for one in await bench.alerting.look()] == ["used_90"]


async def test_the_next_month_is_said_anew(bench: Bench) -> None:
    used(bench.installation, "output", 1_000)
    await bench.alerting.look()
    bench.clock.set(datetime(2026, 12, 3, 10, tzinfo=UTC))
    assert await bench.alerting.look() == []
    month = microseconds(bench.clock.now())
    bench.installation.sql("INSERT INTO usage_total VALUES (?, ?, 'output', 800)", PACK, month)
    (alert,) = await bench.alerting.look()
    assert (alert.kind, alert.month_start_at) == ("used_80", bench.clock.now())


async def test_a_letter_says_what_matters_and_where_to_look(bench: Bench) -> None:
    used(bench.installation, "output", 901)
    await bench.alerting.look()
    await bench.deliver()
    text = next(letter.text for letter in bench.mail.letters if letter.to == "bob@example.com")
    assert "Output tokens: 901 of 1,000 used (90.1 %)." in text
    assert "It is refilled at 2026-12-03 10:00 UTC." in text
    assert f"https://packhouse.example.com/resources/{PACK}/alerts" in text


async def test_an_event_is_signed_and_the_same_each_time(bench: Bench) -> None:
    used(bench.installation, "output", 1_000)
    with hook() as receiver:
        hooked(bench.installation, "whk_1", url=receiver.url)
        receiver.statuses += [500]
        await bench.alerting.look()
        await bench.deliver()
        assert receiver.taken == []
        bench.clock.advance(RETRY_AFTER[0] * 2)
        await bench.deliver()
        (event,) = receiver.events(SECRET)
        assert receiver.posts[0][2] == receiver.posts[1][2]
        assert receiver.posts[0][1]["webhook-id"] == receiver.posts[1][1]["webhook-id"] == event["id"]
    data = event["data"]
    assert event["type"] == "alert.used"
    assert event["timestamp"] == "2026-11-24T12:00:00Z"
    assert event["id"] == data["alert_id"]
    assert {name: data[name] for name in ("kind", "threshold_percent", "meter", "used", "limit", "percent")} == {
        "kind": "used_100",
        "threshold_percent": 100,
        "meter": "output",
        "used": 1_000,
        "limit": 1_000,
        "percent": 100.0,
    }
    assert (data["resource_id"], data["resource_name"], data["company_id"]) == (PACK, "A pack", "com_1")
    assert (data["refill_at"], data["runs_dry_at"]) == ("2026-12-03T10:00:00Z", None)


async def test_what_fails_is_tried_again_for_a_day_then_given_up(bench: Bench) -> None:
    bench.installation.sql("DELETE FROM membership")
    bench.mail = CapturedMail(*(Failed("connection failed") for _ in range(ATTEMPTS_MAX)))
    used(bench.installation, "output", 800)
    await bench.alerting.look()
    for number, after in enumerate(RETRY_AFTER, start=1):
        assert await bench.deliver() == 1
        assert bench.states() == [("waiting", number, "connection failed")]
        bench.clock.advance(after * 0.79)
        assert await bench.deliver() == 0
        bench.clock.advance(after * 0.42)
    assert await bench.deliver() == 1
    assert bench.states() == [("failed", ATTEMPTS_MAX, "connection failed")]
    bench.clock.advance(timedelta(days=7))
    assert await bench.deliver() == 0


async def test_what_is_refused_for_good_is_not_tried_again(bench: Bench) -> None:
    bench.installation.sql("DELETE FROM membership")
    bench.mail = CapturedMail(Failed("smtp 550", for_good=True))
    used(bench.installation, "output", 800)
    await bench.alerting.look()
    await bench.deliver()
    assert bench.states() == [("failed", 1, "smtp 550")]


async def test_a_receiver_that_is_gone_is_told_nothing_more(bench: Bench) -> None:
    bench.installation.sql("DELETE FROM membership")
    bench.installation.sql("UPDATE app_user SET role = 'member'")
    with hook() as receiver:
        hooked(bench.installation, "whk_1", url=receiver.url)
        receiver.statuses += [410]
        for amount in (800, 900):
            used(bench.installation, "output", amount)
            await bench.alerting.look()
        await bench.deliver()
        assert len(receiver.posts) == 1
    assert bench.states() == [("failed", 1, "status 410"), ("failed", 1, "webhook disabled or removed")]
    used(bench.installation, "output", 1_000)
    await bench.alerting.look()
    assert len(bench.states()) == 2


async def test_a_worker_that_dies_while_it_delivers_leaves_that_to_another(bench: Bench) -> None:
    bench.installation.sql("DELETE FROM membership")
    used(bench.installation, "output", 800)
    await bench.alerting.look()
    assert await bench.delivering.next() is not None  # and was never heard of again
    with alert_worker(bench.installation, bench.clock) as second:
        bench.worker = second
        assert await bench.deliver() == 0
        bench.clock.advance(LEASE)
        assert await bench.deliver() == 1
    assert len(bench.mail.letters) == 1


async def test_what_takes_its_worker_with_it_each_time_is_given_up(bench: Bench) -> None:
    bench.installation.sql("DELETE FROM membership")
    used(bench.installation, "output", 800)
    await bench.alerting.look()
    for _ in range(ATTEMPTS_MAX):
        assert await bench.delivering.next() is not None
        bench.clock.advance(LEASE)
    assert await bench.deliver() == 1
    assert bench.states() == [("failed", ATTEMPTS_MAX + 1, "given up")]
    assert bench.mail.letters == []


async def test_a_delivery_that_is_cut_off_is_given_back(bench: Bench) -> None:
    bench.installation.sql("DELETE FROM membership")

    class Slow(CapturedMail):
        async def send(self, letter: object) -> Failed | None:
            del letter
            await asyncio.sleep(60)
            return None

    used(bench.installation, "output", 800)
    await bench.alerting.look()
    bench.mail = Slow()
    dispatch = await bench.delivering.next()
    assert dispatch is not None
    task = asyncio.create_task(bench.delivering.deliver(dispatch))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.states() == [("waiting", 0, "")]


async def test_many_workers_say_it_once(bench: Bench) -> None:
    used(bench.installation, "output", 1_000)
    used(bench.installation, "input", 9_000)
    with alert_worker(bench.installation, bench.clock) as second:
        other = Bench(bench.installation, bench.clock, second, bench.mail, bench.knowledge)
        await asyncio.gather(*(each.alerting.look() for each in (bench, other) for _ in range(5)))
        await asyncio.gather(*(each.deliver() for each in (bench, other) for _ in range(5)))
    assert sorted(bench.subjects()) == ["A pack: 90 % of the input tokens used", "A pack: output tokens used up"]
    assert len(bench.mail.letters) == 4


async def test_a_pack_that_will_run_dry_is_said_once(bench: Bench) -> None:
    for day in range(7, 24):
        consumed(bench.installation, datetime(2026, 11, day, tzinfo=UTC), 45)
    used(bench.installation, "output", 765)
    (alert,) = await bench.alerting.look_ahead()
    assert (alert.kind, alert.meter, alert.told) == ("runs_dry", "output", True)
    assert alert.runs_dry_at is not None
    assert NOW + timedelta(days=3) < alert.runs_dry_at < alert.refill_at
    assert await bench.alerting.look_ahead() == []
    bench.clock.advance(timedelta(hours=1))
    assert await bench.alerting.look_ahead() == []
    await bench.deliver()
    assert bench.subjects() == ["A pack: output tokens are likely to run dry before the refill"]
    assert f"By the forecast it runs dry at {alert.runs_dry_at:%Y-%m-%d}" in bench.mail.letters[0].text


async def test_a_pack_that_lasts_or_is_used_up_already_is_not_forecast_to_run_dry(bench: Bench) -> None:
    for day in range(4, 24):
        consumed(bench.installation, datetime(2026, 11, day, tzinfo=UTC), 20)
    used(bench.installation, "output", 400)
    assert await bench.alerting.look_ahead() == []
    used(bench.installation, "output", 1_000)
    bench.clock.advance(timedelta(hours=1))
    assert await bench.alerting.look_ahead() == []


async def test_a_knowledge_base_whose_disk_fills_up(bench: Bench, tmp_path: Path) -> None:
    bench.catalog = small_disks(tmp_path / "catalog.toml")
    bench.installation.pack("res_kb", "knowledge_base", {})
    bench.installation.sql("UPDATE resource SET plan = 'Standard' WHERE id = 'res_kb'")
    assert await bench.alerting.look_at_disks() == []
    directory = bench.knowledge / "res_kb"
    directory.mkdir(parents=True)
    (directory / NAME).touch()
    (directory / "vectors").write_bytes(bytes(DISK_BYTES * 85 // 100))
    (alert,) = await bench.alerting.look_at_disks()
    assert (alert.resource_id, alert.meter, alert.kind, alert.limit) == ("res_kb", "disk", "used_80", DISK_BYTES)
    assert await bench.alerting.look_at_disks() == []
    await bench.deliver()
    (letter,) = bench.mail.letters  # nobody is in its team
    assert letter.to == "ada@example.com"
    assert re.search(r"Disk: 85\d\.\d KB of 1,000\.0 KB used \(85\.\d %\)\.", letter.text), letter.text


def small_disks(path: Path) -> Path:
    """A catalog whose knowledge bases have so much disk."""
    text = DEFAULT.read_text()
    assert DISK in text
    path.write_text(text.replace(DISK, f"disk_bytes = {DISK_BYTES:_}"))
    return path
