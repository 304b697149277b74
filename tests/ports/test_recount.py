"""Sums counted anew are those that draining made, on both databases, whatever was wrong, while others drain."""

from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from packhouse.adapters.database.connection import Connection, connect
from packhouse.adapters.metering.database import MeterDatabase
from packhouse.adapters.metering.record import UsageRecord
from packhouse.adapters.metering.recount import Difference, recount, resources
from packhouse.domain.month import bundle_month
from packhouse.domain.units import microseconds
from tests.support.databases import KINDS, installed
from tests.support.installation import ANCHOR, Installation

SUMS = ("usage_hour", "usage_day", "usage_total")


@pytest.fixture(params=KINDS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    with installed(request.param, tmp_path) as made:
        made.pack("res_1", "text_generation", {"input": 10**9, "output": 10**9})
        made.pack("res_2", "embeddings", {"input": 10**9})
        yield made


@pytest.fixture
def sql(installation: Installation) -> Generator[Connection]:
    made = connect(installation.database, durable=False)
    yield made
    made.close()


def records(dice: Random, count: int, *, first: int = 0) -> list[UsageRecord]:
    """Over two bundle months, often near their turns and the turns of hours and days."""
    made: list[UsageRecord] = []
    for number in range(first, first + count):
        at = ANCHOR + timedelta(hours=dice.randrange(24 * 34), seconds=dice.choice((0, 1, 1800, 3599)))
        made.append(
            UsageRecord(
                call_id=f"call_{number}",
                company_id="com_1",
                resource_id=dice.choice(("res_1", "res_1", "res_2")),
                key_id=dice.choice((None, "key_1", "key_2")),
                model=dice.choice(("small", "large")),
                operation="chat",
                month_start=microseconds(bundle_month(ANCHOR, at).start_at),
                started_at=microseconds(at),
                recorded_at=microseconds(at),
                input=dice.randrange(5000),
                output=dice.randrange(900),
                cache_read=dice.choice((0, 0, 70)),
                cache_write=dice.choice((0, 0, 30)),
                source=dice.choice(("reported", "estimated")),
                outcome="ok",
                latency_ms=1,
            )
        )
    return made


def drained(installation: Installation, made: list[UsageRecord], *, at_once: int = 40) -> None:
    database = MeterDatabase(installation.database)
    for start in range(0, len(made), at_once):
        database.drain("proc_1", made[start : start + at_once], counts=[])
    database.close()


def sums(installation: Installation) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(installation.sql(f"SELECT * FROM {table}")) for table in SUMS}


def recounted(sql: Connection, *, mend: bool) -> list[Difference]:
    return [found for resource_id in resources(sql) for found in recount(sql, resource_id, mend=mend)]


def test_what_draining_summed_is_what_the_records_come_to(installation: Installation, sql: Connection) -> None:
    drained(installation, records(Random(1), 600))
    before = sums(installation)
    assert recounted(sql, mend=False) == []
    assert recounted(sql, mend=True) == []
    assert sums(installation) == before


@pytest.mark.parametrize("table", SUMS)
def test_sums_that_are_lost_are_made_anew(installation: Installation, sql: Connection, table: str) -> None:
    drained(installation, records(Random(2), 600))
    before = sums(installation)
    installation.sql(f"DELETE FROM {table}")
    missing = recounted(sql, mend=False)
    assert {(one.resource_id, one.table) for one in missing} == {("res_1", table), ("res_2", table)}
    assert sum(one.rows for one in missing) == len(before[table])
    assert sums(installation)[table] == [], "only looked at"
    assert recounted(sql, mend=True) == missing
    assert sums(installation) == before
    assert recounted(sql, mend=False) == []


def test_all_sums_are_made_anew(installation: Installation, sql: Connection) -> None:
    drained(installation, records(Random(3), 400))
    before = sums(installation)
    for table in SUMS:
        installation.sql(f"DELETE FROM {table}")
    recounted(sql, mend=True)
    assert sums(installation) == before


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_wrong_is_mended(installation: Installation, sql: Connection, seed: int) -> None:
    dice = Random(seed)
    drained(installation, records(dice, 300))
    before = sums(installation)
    for table in SUMS:
        column = "used" if table == "usage_total" else dice.choice(("calls", "input", "output", "estimated_calls"))
        installation.sql(
            f"UPDATE {table} SET {column} = {column} + ? WHERE resource_id = 'res_1'", dice.randrange(1, 9)
        )
    start = microseconds(ANCHOR)
    early = start - start % 3_600_000_000
    installation.sql("INSERT INTO usage_hour VALUES ('res_2', ?, 'key_9', 'small', 1, 0, 5, 5, 0, 0)", early)
    installation.sql("INSERT INTO usage_day VALUES ('res_2', ?, ?, 'key_9', 'small', 1, 0, 5, 5, 0, 0)", start, start)
    installation.sql("INSERT INTO usage_total VALUES ('res_2', ?, 'nothing', 5)", start)
    assert {one.table for one in recounted(sql, mend=False)} == set(SUMS)
    recounted(sql, mend=True)
    assert sums(installation) == before
    assert recounted(sql, mend=True) == []


def test_a_pack_alone_is_counted_anew(installation: Installation, sql: Connection) -> None:
    drained(installation, records(Random(4), 200))
    installation.sql("DELETE FROM usage_total")
    assert [one.table for one in recount(sql, "res_1", mend=True)] == ["usage_total"]
    assert installation.count("SELECT count(*) FROM usage_total WHERE resource_id = 'res_2'") == 0


def test_gateways_drain_on_meanwhile(installation: Installation, sql: Connection) -> None:
    dice = Random(5)
    drained(installation, records(dice, 300))
    later = records(dice, 500, first=300)
    for table in SUMS:
        installation.sql(f"DELETE FROM {table}")
    begun = Event()

    def drain() -> None:
        database = MeterDatabase(installation.database)
        for start in range(0, len(later), 5):
            database.drain("proc_1", later[start : start + 5], counts=[])
            begun.set()
        database.close()

    thread = Thread(target=drain)
    thread.start()
    assert begun.wait(20)
    recounted(sql, mend=True)
    thread.join()
    after = sums(installation)
    assert recounted(sql, mend=False) == []
    for table in SUMS:
        installation.sql(f"DELETE FROM {table}")
    recounted(sql, mend=True)
    assert sums(installation) == after
