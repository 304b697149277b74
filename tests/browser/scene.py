"""A furnished installation to look at: a company with packs, keys, a team, alerts, and weeks of consumption."""

import sqlite3
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from packhouse.domain.units import microseconds
from tests.support.control_api import NOW, OPERATOR, Firm, Live

HOSTILE = "<script>alert(1)</script>\"'>&amp;"
"""A display name that must stay a name."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`text`, `embeddings` and `knowledge` are ids of resources, `key` of a key that opens all three, `webhook` and
    `delivery` of a webhook and of what failed to reach it."""

    live: Live
    firm: Firm
    text: str
    embeddings: str
    knowledge: str
    key: str
    key_text: str
    webhook: str
    delivery: str


def furnished(live: Live, directory: Path) -> Scene:
    """Three weeks after its packs were provisioned."""
    firm = live.firm()
    live.user("kim@example.com", "member", firm.id)
    text = firm.provision(display_name="Support desk", environment="production")["id"]
    firm.provision(
        display_name=HOSTILE, environment="test", created_for_name="Ada", created_for_email=firm.member_email
    )
    embeddings = firm.embeddings()["id"]
    knowledge = firm.knowledge_base(embeddings)["id"]
    for resource in (text, embeddings, knowledge):
        firm.admin.post(f"/resources/{resource}/members", {"email": firm.member_email})
    body = {"description": "Help desk, production", "open_to": [knowledge]}
    made = firm.admin.post(f"/resources/{text}/keys", body)
    hook = {"url": "https://hooks.example.com/packhouse", "description": "Pager"}
    webhook = firm.admin.post(f"/companies/{firm.id}/webhooks", hook)["id"]
    live.clock.set(NOW + timedelta(days=21, hours=3))
    _consume(directory, text=text, embeddings=embeddings, knowledge=knowledge, key=made["id"])
    # the sessions of three weeks ago have ended
    live.operator = live.sign_in(OPERATOR)
    firm = replace(firm, admin=live.sign_in(firm.admin_email), member=live.sign_in(firm.member_email))
    delivery = _alert(directory, firm, text=text, webhook=webhook)
    return Scene(live, firm, text, embeddings, knowledge, made["id"], made["key"], webhook, delivery)


def _consume(directory: Path, *, text: str, embeddings: str, knowledge: str, key: str) -> None:
    """What the data plane would have written."""
    database = sqlite3.connect(directory / "packhouse.db")
    month = microseconds(NOW)
    with database:
        for day in range(21):
            hour = microseconds(NOW.replace(minute=0) + timedelta(days=day, hours=2))
            busy = 3 + (day * 7) % 11
            row = (text, hour, key, "local-text", busy, day % 5 == 0, busy * 9_120, busy * 6_100, busy * 310, 0)
            _sum(database, row, month=month)
            row = (embeddings, hour, key, "local-embeddings", busy * 2, 0, busy * 15_000, 0, 0, 0)
            _sum(database, row, month=month)
            row = (knowledge, hour, busy * 4, busy // 3, busy * 12, busy * 30_000)
            database.execute("INSERT INTO knowledge_hour VALUES (?, ?, ?, ?, ?, ?)", row)
        for resource, meter, used in (
            (text, "input", 1_593_670),
            (text, "output", 1_030_900),
            (embeddings, "input", 2_520_000),
        ):
            database.execute("INSERT INTO usage_total VALUES (?, ?, ?, ?)", (resource, month, meter, used))
    database.close()


def _alert(directory: Path, firm: Firm, *, text: str, webhook: str) -> str:
    """What a worker would have written: use of 82 % was said, to the webhook in vain. The id of that delivery."""
    database = sqlite3.connect(directory / "packhouse.db")
    months = (microseconds(NOW), microseconds(NOW.replace(month=2, day=28)))
    at = microseconds(NOW + timedelta(days=18))
    with database:
        for kind, used, told in (("used_80", 1_001_250, 1), ("runs_dry", 1_002_500, 1)):
            row = (f"alr_{kind}", firm.id, text, "Support desk", *months, "output", kind, used, 1_250_000, told)
            dry = at + 3 * 86_400_000_000 if kind == "runs_dry" else None
            database.execute("INSERT INTO alert VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, dry, at))
        for id_, channel, target, state, attempts, error in (
            ("dlv_1", "email", firm.admin_email, "delivered", 1, ""),
            ("dlv_2", "email", firm.member_email, "waiting", 2, "connection failed"),
            ("dlv_3", "webhook", webhook, "failed", 9, "status 500"),
        ):
            again = at + 3 * 86_400_000_000 + 3 * 3_600_000_000 + 600_000_000
            ended = at + 60_000_000 if state != "waiting" else None
            row = (id_, firm.id, "alr_used_80", channel, target, state, attempts, error, at, again, None, None, ended)
            database.execute(f"INSERT INTO alert_delivery VALUES ({', '.join('?' * 13)})", row)
    database.close()
    return "dlv_3"


def _sum(database: sqlite3.Connection, row: tuple[str | int, ...], *, month: int) -> None:
    resource, hour, *rest = row
    assert isinstance(hour, int)
    database.execute("INSERT INTO usage_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    days = (resource, hour - hour % 86_400_000_000, month, *rest)
    database.execute("INSERT INTO usage_day VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", days)
