"""A furnished installation to look at: a company with packs, keys, a team, and some weeks of consumption."""

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
    """`text`, `embeddings` and `knowledge` are ids of resources, `key` of a key that opens all three."""

    live: Live
    firm: Firm
    text: str
    embeddings: str
    knowledge: str
    key: str
    key_text: str


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
    live.clock.set(NOW + timedelta(days=21, hours=3))
    _consume(directory, text=text, embeddings=embeddings, knowledge=knowledge, key=made["id"])
    # the sessions of three weeks ago have ended
    live.operator = live.sign_in(OPERATOR)
    firm = replace(firm, admin=live.sign_in(firm.admin_email), member=live.sign_in(firm.member_email))
    return Scene(live, firm, text, embeddings, knowledge, made["id"], made["key"])


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


def _sum(database: sqlite3.Connection, row: tuple[str | int, ...], *, month: int) -> None:
    resource, hour, *rest = row
    assert isinstance(hour, int)
    database.execute("INSERT INTO usage_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    days = (resource, hour - hour % 86_400_000_000, month, *rest)
    database.execute("INSERT INTO usage_day VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", days)
