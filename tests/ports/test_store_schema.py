"""The schema: its history leads to what the code expects, and the start does not pay for it twice."""

import sys
from collections.abc import Generator
from pathlib import Path

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from packhouse.adapters.sql.engine import read_engine, write_engine
from packhouse.adapters.sql.schema import HEAD, MIGRATIONS
from packhouse.adapters.sql.store import SqlStore
from packhouse.adapters.sql.tables import metadata
from packhouse.domain.errors import Refused
from tests.support.databases import KINDS, empty

pytestmark = pytest.mark.anyio


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    with empty(request.param, tmp_path) as made:
        yield made


async def migrated(url: str) -> None:
    store = SqlStore(url)
    assert not await store.is_current()
    await store.migrate()
    assert await store.is_current()
    await store.migrate()
    await store.close()


async def test_the_migrations_lead_to_the_tables(url: str) -> None:
    await migrated(url)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    def constraints(connection: Connection) -> set[str | None]:
        checks = {name: inspect(connection).get_check_constraints(name) for name in metadata.tables}
        return {check["name"] for found in checks.values() for check in found}

    async with read_engine(url).connect() as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(constraints) == {
            "ck_contract_has_length",
            "ck_resource_next_plan_has_instant",
            "ck_resource_one_scheduled_change",
        }


def test_the_head_is_the_newest_migration_and_history_is_a_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    revisions = [one.revision for one in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(not hasattr(one.module, "downgrade") for one in script.walk_revisions()), "forward only"


async def test_a_current_schema_is_checked_without_alembic(url: str) -> None:
    await migrated(url)
    program = (
        "import asyncio, sys\n"
        "from packhouse.adapters.sql.store import SqlStore\n"
        f"asyncio.run(SqlStore({url!r}).migrate())\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'alembic']\n"
    )
    await anyio.run_process([sys.executable, "-c", program], env={"PYTHONPATH": "src"})


async def test_a_schema_that_is_newer_is_left_alone(url: str) -> None:
    await migrated(url)
    async with write_engine(url).begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store = SqlStore(url)
    assert await store.is_current()
    await store.migrate()
    await store.close()


async def test_a_place_that_cannot_hold_a_database_is_refused(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'packhouse.db'}")
    with pytest.raises(Refused) as refused:
        await store.migrate()
    assert refused.value.code == "data_directory_unusable"
    await store.close()
