"""What only a server can do wrong: it is away, it forgets the connection, two nodes start on it at once."""

import asyncio
import sys
import traceback
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest

from packhouse.adapters.database.connection import Connection, connect
from packhouse.adapters.database.postgres import numbered
from packhouse.adapters.metering.database import MeterDatabase
from packhouse.adapters.sql.store import SqlStore
from packhouse.domain.errors import Refused
from packhouse.domain.units import microseconds
from tests.support import postgres
from tests.support.databases import empty, installed
from tests.support.installation import ANCHOR, NOW, Installation

pytestmark = [pytest.mark.anyio, pytest.mark.needs("postgresql")]

PROCESSES = 4
LEASES = 100
LIMIT = 1_000

LESSEE = """
import sys
from packhouse.adapters.metering.database import MeterDatabase
url, process_id, start, now, leases = sys.argv[1:]
database = MeterDatabase(url)
granted = 0
for _ in range(int(leases)):
    (lease,) = database.lease(process_id, "res_1", month_start=int(start), needs=[7], now=int(now))
    granted += lease.granted
print(granted)
database.close()
"""


@pytest.fixture
def installation(tmp_path: Path) -> Generator[Installation]:
    with installed("postgresql", tmp_path) as made:
        made.pack("res_1", "text_generation", {"input": LIMIT})
        yield made


@pytest.fixture
def sql(installation: Installation) -> Generator[Connection]:
    made = connect(installation.database, durable=True)
    yield made
    made.close()


def test_marks_are_numbered() -> None:
    assert numbered("a = ? AND b = ? AND c IN (?,?)") == "a = $1 AND b = $2 AND c IN ($3,$4)"
    assert numbered("a = ?2 AND b = ?1 AND c = ?2") == "a = $2 AND b = $1 AND c = $2"


def test_what_raises_leaves_nothing(sql: Connection) -> None:
    def fails() -> None:
        with sql.writing(["a"]):
            sql.run("UPDATE entitlement_revision SET value = 7")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert sql.run("SELECT value FROM entitlement_revision") == [(0,)]
    with sql.writing(["a"]):
        sql.run("UPDATE entitlement_revision SET value = 8")
    assert sql.run("SELECT value FROM entitlement_revision") == [(8,)]


def test_a_connection_that_is_lost_undoes_its_transaction_and_is_made_anew(
    installation: Installation, sql: Connection
) -> None:
    def loses() -> None:
        with sql.writing(["a"]):
            sql.run("UPDATE entitlement_revision SET value = 7")
            installation.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'packhouse' AND datname = current_database()"
            )
            sql.run("UPDATE entitlement_revision SET value = 8")

    with pytest.raises(Refused) as away:
        loses()
    assert away.value.code == "unavailable"
    assert sql.run("SELECT value FROM entitlement_revision") == [(0,)]


async def test_processes_that_lease_at_once_never_get_more_than_the_limit(installation: Installation) -> None:
    start, now = str(microseconds(ANCHOR)), str(microseconds(NOW))
    granted = list[int]()

    async def lessee(number: int) -> None:
        place = [str(installation.database), f"proc_{number}", start, now, str(LEASES)]
        done = await anyio.run_process([sys.executable, "-c", LESSEE, *place])
        granted.append(int(done.stdout))

    async with anyio.create_task_group() as group:
        for number in range(PROCESSES):
            group.start_soon(lessee, number)
    assert sum(granted) == LIMIT
    assert installation.count("SELECT sum(amount) FROM meter_block") == LIMIT


async def test_nodes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    with empty("postgresql", tmp_path) as url:
        stores = [SqlStore(url) for _ in range(4)]
        await asyncio.gather(*(store.migrate() for store in stores))
        assert all([await store.is_current() for store in stores])
        for store in stores:
            await store.close()


@pytest.mark.parametrize("wrong", ["port", "database"])
async def test_what_is_wrong_with_a_server_is_said_without_its_password(wrong: str) -> None:
    url = postgres.server().url("packhouse_missing")
    if wrong == "port":
        url = url.replace(f":{postgres.server().port}/", ":1/")
    store = SqlStore(url)
    with pytest.raises(Refused) as by_store:
        await store.is_current()
    await store.close()
    database = MeterDatabase(url)
    with pytest.raises(Refused) as by_meter:
        database.revision()
    database.close()
    for refused in (by_store, by_meter):
        assert refused.value.code == "unavailable"
        assert ("no database of that name" in refused.value.message) == (wrong == "database")
        assert postgres.PASSWORD not in "".join(traceback.format_exception(refused.value))
    assert postgres.PASSWORD not in repr(store)
