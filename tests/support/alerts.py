"""The book of alerts and the outbox as one worker has them, over an installation whose rows a test puts in."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from packhouse.adapters.alerts.book import SqlAlertBook
from packhouse.adapters.alerts.database import AlertDatabase
from packhouse.adapters.alerts.outbox import SqlOutbox
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.alert import Alert, AlertKind
from packhouse.domain.units import AlertId, CompanyId, ResourceId, microseconds
from tests.support.installation import ANCHOR, NOW, Installation

MONTH_START = datetime(2026, 11, 3, 10, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 3, 10, tzinfo=UTC)
assert MONTH_START == ANCHOR
PACK = "res_1"
_numbers = count(1)


@dataclass(frozen=True)
class AlertWorker:
    """One of several workers on one database."""

    book: SqlAlertBook
    outbox: SqlOutbox


@contextmanager
def alert_worker(installation: Installation, clock: SetClock) -> Generator[AlertWorker]:
    ids = SystemIds(clock)
    database = AlertDatabase(installation.database)
    try:
        yield AlertWorker(SqlAlertBook(database, clock, ids=ids), SqlOutbox(database, clock, ids=ids))
    finally:
        database.close()


def people(installation: Installation) -> None:
    """Company com_1 with an admin, two members of whom one is in the pack's team, and a disabled admin; the pack."""
    at = microseconds(ANCHOR)
    for company in ("com_1", "com_2"):
        installation.sql(
            "INSERT INTO company (id, name, self_service, external_invitations, created_at)"
            " VALUES (?, ?, TRUE, FALSE, ?)",
            company,
            company,
            at,
        )
    for user, company, role, disabled in (
        ("ada", "com_1", "admin", False),
        ("bob", "com_1", "member", False),
        ("cy", "com_1", "member", False),
        ("gone", "com_1", "admin", True),
        ("eve", "com_2", "admin", False),
    ):
        installation.sql(
            "INSERT INTO app_user (id, email, name, role, company_id, created_at, disabled_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            f"usr_{user}",
            f"{user}@example.com",
            user,
            role,
            company,
            at,
            at if disabled else None,
        )
    installation.pack(PACK, "text_generation", {"input": 10_000, "output": 1_000})
    installation.sql("INSERT INTO membership VALUES (?, ?, 'usr_ada', ?)", PACK, "usr_bob", at)


def used(installation: Installation, meter: str, amount: int, *, resource_id: str = PACK) -> None:
    """So much in all, in the bundle month that runs."""
    installation.sql(
        "INSERT INTO usage_total (resource_id, month_start, meter, used) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (resource_id, month_start, meter) DO UPDATE SET used = excluded.used",
        resource_id,
        microseconds(MONTH_START),
        meter,
        amount,
    )


def consumed(installation: Installation, day: datetime, output: int, *, model: str = "m") -> None:
    """Output tokens of a UTC day."""
    installation.sql(
        "INSERT INTO usage_day (resource_id, day_at, month_start, key_id, model, calls, output)"
        " VALUES (?, ?, ?, '', ?, 1, ?)",
        PACK,
        microseconds(day),
        microseconds(MONTH_START),
        model,
        output,
    )


def hooked(
    installation: Installation, webhook_id: str, *, company: str = "com_1", url: str = "https://h.example/"
) -> None:
    """A webhook whose secret is 32 zeros."""
    installation.sql(
        "INSERT INTO webhook (id, company_id, url, description, enabled, secret, created_by, created_at)"
        " VALUES (?, ?, ?, '', TRUE, ?, 'usr_ada', ?)",
        webhook_id,
        company,
        url,
        bytes(32),
        microseconds(ANCHOR),
    )


def alert(kind: AlertKind = "used_80", *, meter: str = "output", told: bool = True) -> Alert:
    return Alert(
        id=AlertId(f"alr_{next(_numbers)}"),
        company_id=CompanyId("com_1"),
        resource_id=ResourceId(PACK),
        resource_name="A pack",
        month_start_at=MONTH_START,
        refill_at=MONTH_END,
        meter=meter,
        kind=kind,
        used=800,
        limit=1_000,
        raised_at=NOW,
        told=told,
        runs_dry_at=NOW + timedelta(days=2) if kind == "runs_dry" else None,
    )
