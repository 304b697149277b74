"""The worker's rounds: alerts are seen and delivered by themselves, what breaks is tried again, and it ends in time."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.notify.captured import CapturedMail, CapturedWebhooks
from packhouse.adapters.notify.webhook import HttpWebhooks
from packhouse.adapters.outside.clock import SetClock, SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.domain.units import CompanyId
from packhouse.domain.webhook import WEBHOOKS_MAX
from packhouse.entrypoints.worker.alerts import AT_ONCE, AlertRounds
from packhouse.ports.alerts import WEBHOOK_AT_ONCE
from packhouse.ports.notify import Failed, Letter, Webhooks
from packhouse.services.alerting import Alerting
from packhouse.services.delivering import Delivering
from tests.support.alerts import alert, alert_worker, hooked, people, used
from tests.support.databases import installed
from tests.support.installation import NOW, Installation
from tests.support.receivers import hook

pytestmark = pytest.mark.anyio

SECONDS = 30


class SlowMail(CapturedMail):
    """Takes letters when it is let; knows how many it is asked for at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.asked = 0

    async def send(self, letter: Letter) -> Failed | None:
        self.asked += 1
        await self.go.wait()
        return await super().send(letter)


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncGenerator[Installation]:
    with installed("sqlite", tmp_path) as made:
        people(made)
        yield made


@asynccontextmanager
async def rounds(
    installation: Installation, mail: CapturedMail, webhooks: Webhooks | None = None
) -> AsyncGenerator[tuple[AlertRounds, asyncio.Event]]:
    """They run until the block ends."""
    clock, stop = SetClock(NOW + timedelta(seconds=1)), asyncio.Event()
    with alert_worker(installation, clock) as worker:
        sizes = EmbeddedSizes(installation.journals)
        ids, catalog = SystemIds(clock), read_catalog()
        alerting = Alerting(worker.book, clock, ids=ids, catalog=catalog, sizes=sizes, by_mail=True)
        webhooks = webhooks or CapturedWebhooks()
        delivering = Delivering(worker.outbox, mail=mail, webhooks=webhooks, portal_url="http://p")
        running = AlertRounds(alerting, delivering, look_seconds=0.05)
        task = asyncio.create_task(running.run(stop))
        try:
            yield running, stop
        finally:
            stop.set()
            await asyncio.wait_for(task, SECONDS)


async def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_what_is_used_is_seen_and_said(installation: Installation) -> None:
    mail = CapturedMail()
    async with rounds(installation, mail):
        used(installation, "output", 800)
        await until(lambda: len(mail.letters) == 2)
        used(installation, "output", 1_000)
        await until(lambda: len(mail.letters) == 4)
    assert {letter.to for letter in mail.letters} == {"ada@example.com", "bob@example.com"}


async def test_a_database_that_fails_for_a_while_is_asked_again(installation: Installation) -> None:
    mail = CapturedMail()
    installation.sql("ALTER TABLE usage_total RENAME TO hidden")
    async with rounds(installation, mail):
        await asyncio.sleep(0.3)
        installation.sql("ALTER TABLE hidden RENAME TO usage_total")
        used(installation, "output", 800)
        await until(lambda: len(mail.letters) == 2)


async def test_receivers_that_never_answer_hold_back_only_themselves(installation: Installation) -> None:
    """All that a company may have of them, each with more waiting than are sent at once, before anybody else's."""
    mail, clock = CapturedMail(), SetClock(NOW)
    with hook() as dead, hook() as healthy, alert_worker(installation, clock) as worker:
        dead.seconds = 2 * SECONDS
        for number in range(WEBHOOKS_MAX):
            hooked(installation, f"whk_dead_{number}", url=dead.url)
        await worker.book.put([alert(meter=f"m{number}") for number in range(5)], by_mail=False)
        hooked(installation, "whk_healthy", company="com_2", url=healthy.url)
        theirs = [replace(alert(meter=f"n{number}"), company_id=CompanyId("com_2")) for number in range(5)]
        async with rounds(installation, mail, HttpWebhooks(SystemClock(), private=True)) as (running, stop):
            await until(lambda: len(dead.posts) == WEBHOOKS_MAX * WEBHOOK_AT_ONCE)
            await worker.book.put(theirs, by_mail=False)
            await worker.book.put([alert("used_90")], by_mail=True)
            await until(lambda: len(healthy.taken) == len(theirs) and len(mail.letters) == 2)
            assert len(dead.posts) == WEBHOOKS_MAX * WEBHOOK_AT_ONCE, "none was given up meanwhile"
            stop.set()
            await running.drain(0)


async def test_slow_receivers_are_served_side_by_side_and_no_more_than_so_many(installation: Installation) -> None:
    mail = SlowMail()
    at = installation.count("SELECT min(created_at) FROM company")
    for number in range(AT_ONCE["email"]):
        user = (f"usr_{number}", f"{number}@example.com", at)
        installation.sql(
            "INSERT INTO app_user (id, email, name, role, company_id, created_at)"
            " VALUES (?, ?, 'x', 'admin', 'com_1', ?)",
            *user,
        )
    used(installation, "output", 800)
    async with rounds(installation, mail):
        await until(lambda: mail.asked == AT_ONCE["email"])
        await asyncio.sleep(0.3)
        assert mail.asked == AT_ONCE["email"]
        mail.go.set()
        await until(lambda: len(mail.letters) == AT_ONCE["email"] + 2)


async def test_what_does_not_end_in_time_is_given_back(installation: Installation) -> None:
    mail = SlowMail()
    used(installation, "output", 800)
    async with rounds(installation, mail) as (running, stop):
        await until(lambda: mail.asked == 2)
        stop.set()
        began = time.monotonic()
        await running.drain(0.2)
        assert time.monotonic() - began < SECONDS / 2
    assert installation.sql("SELECT state, attempts FROM alert_delivery") == [("waiting", 0)] * 2


async def test_what_ends_in_time_is_delivered(installation: Installation) -> None:
    mail = SlowMail()
    used(installation, "output", 800)
    async with rounds(installation, mail) as (running, stop):
        await until(lambda: mail.asked == 2)
        stop.set()
        mail.go.set()
        await running.drain(SECONDS)
    assert installation.sql("SELECT state, attempts FROM alert_delivery") == [("delivered", 1)] * 2
