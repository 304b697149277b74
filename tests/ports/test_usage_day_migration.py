"""A database from before sums by the day gets them from its records."""

from pathlib import Path
from random import Random

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from packhouse.adapters.database.connection import connect
from packhouse.adapters.metering.recount import recount
from packhouse.adapters.sql.engine import write_engine
from packhouse.adapters.sql.schema import MIGRATIONS
from packhouse.adapters.sql.store import SqlStore
from tests.ports.test_recount import drained, records
from tests.support.databases import KINDS, Kind, empty
from tests.support.installation import Installation

pytestmark = pytest.mark.anyio


def before(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0006")


@pytest.mark.parametrize("kind", KINDS)
async def test_days_are_summed_from_the_records_that_are_there(kind: Kind, tmp_path: Path) -> None:
    with empty(kind, tmp_path) as url:
        engine = write_engine(url)
        async with engine.begin() as sql:
            await sql.run_sync(before)
        await engine.dispose()
        installation = Installation(url if kind == "postgresql" else tmp_path / "packhouse.db", tmp_path / "journal")
        installation.sql("INSERT INTO company VALUES ('com_1', 'Example', TRUE, TRUE, 0)")
        installation.pack("res_1", "text_generation", {"input": 10**9, "output": 10**9})
        installation.pack("res_2", "embeddings", {"input": 10**9})
        columns = (
            "call_id, company_id, resource_id, key_id, model, operation, month_start, started_at, recorded_at,"
            " input, output, cache_read, cache_write, source, outcome, latency_ms"
        )
        for one in records(Random(8), 120):
            values = [getattr(one, name.strip()) for name in columns.split(",")]
            installation.sql(f"INSERT INTO usage_record ({columns}) VALUES ({', '.join('?' * len(values))})", *values)
        store = SqlStore(url)
        await store.migrate()
        await store.close()
        sql = connect(installation.database, durable=False)
        wrong = {one.table for resource in ("res_1", "res_2") for one in recount(sql, resource, mend=False)}
        assert wrong == {"usage_hour", "usage_total"}, "these were not written here; the days are right"
        for resource in ("res_1", "res_2"):
            recount(sql, resource, mend=True)
        drained(installation, records(Random(9), 40, first=500))
        assert [one for resource in ("res_1", "res_2") for one in recount(sql, resource, mend=False)] == []
        sql.close()
