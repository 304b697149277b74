"""The database itself refuses to change the ledger and the activity log, and to rewrite a usage record."""

import sqlite3
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import asyncpg
import pytest

from packhouse.adapters.database.connection import Connection, Place, connect
from packhouse.adapters.sql.store import SqlStore
from tests.support.databases import KINDS, empty
from tests.support.installation import Installation

pytestmark = pytest.mark.anyio

ROWS = [
    "INSERT INTO ledger_entry VALUES ('le_1', 'com_1', 1, 'grant', 'x', '', '', 'usr_1', 1, 1)",
    "INSERT INTO ledger_posting VALUES ('le_1', 1, 'free', 'con_1', NULL, 5)",
    "INSERT INTO activity_entry VALUES ('com_1', 1, 1, 'usr_1', 'made', 'x', NULL, '[]', '', '')",
    "INSERT INTO usage_record (call_id, recorded_at, started_at, company_id, resource_id, model, operation,"
    " month_start, source, outcome) VALUES ('call_1', 1, 1, 'com_1', 'res_1', 'm', 'chat', 1, 'reported', 'ok')",
]
CHANGES = [
    "UPDATE ledger_entry SET note = 'other'",
    "DELETE FROM ledger_entry",
    "UPDATE ledger_posting SET cloud_tokens = 6",
    "DELETE FROM ledger_posting",
    "UPDATE activity_entry SET verb = 'other'",
    "DELETE FROM activity_entry",
    "UPDATE usage_record SET input = 7",
]


@pytest.fixture(params=KINDS)
async def installation(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Installation]:
    with empty(request.param, tmp_path) as url:
        store = SqlStore(url)
        await store.migrate()
        await store.close()
        place: Place = url if request.param == "postgresql" else tmp_path / "packhouse.db"
        made = Installation(place, tmp_path / "journal")
        for row in ROWS:
            made.sql(row)
        yield made


@pytest.fixture
def sql(installation: Installation) -> Generator[Connection]:
    made = connect(installation.database, durable=True)
    yield made
    made.close()


async def test_what_is_only_added_to_is_not_changed(sql: Connection) -> None:
    before = {change: sql.run(f"SELECT * FROM {change.split()[1]}") for change in CHANGES if change[0] == "U"}
    assert all(before.values())
    for change in CHANGES:
        with pytest.raises(
            (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError), match="is only added to"
        ):
            sql.run(change)
    assert before == {change: sql.run(f"SELECT * FROM {change.split()[1]}") for change in before}
