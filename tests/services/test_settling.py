"""The loop that settles what falls due: it survives what goes wrong, and ends when it is told to."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor
from packhouse.entrypoints.control.settling import Settling
from tests.services.conftest import House

pytestmark = pytest.mark.anyio

SOON = 0.01

Logs = Sequence[MutableMapping[str, Any]]


def sql(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path, timeout=20)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(SOON)


async def ended_pack(house: House, admin: Actor, **order: object) -> ResourceId:
    """A pack whose end has come, which nobody has written down yet."""
    made = await house.services.provisioning.provision(admin, house.order(**order))
    view = await house.services.resources.schedule_deprovision(admin, made.resource.id)
    assert view.resource.ends_at is not None
    house.clock.set(view.resource.ends_at)
    return made.resource.id


@asynccontextmanager
async def settling(house: House) -> AsyncGenerator[Logs]:
    stop = asyncio.Event()
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(Settling(house.services.lifecycle, every_seconds=SOON).run(stop))
        try:
            yield logs
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)


def written(path: Path, resource_id: ResourceId) -> bool:
    return sql(path, f"SELECT deprovisioned_at FROM resource WHERE id = '{resource_id}'") != [(None,)]


async def test_it_books_what_is_due_though_another_company_cannot_be_settled(house: House, tmp_path: Path) -> None:
    path = tmp_path / "packhouse.db"
    broken_id = await house.provision()
    rival, rivals_admin = await house.rival()
    ended_id = await ended_pack(house, rivals_admin, company_id=rival.id)
    sql(path, f"UPDATE resource SET environment = 'nowhere' WHERE id = '{broken_id}'")
    async with settling(house) as logs:
        await until(lambda: written(path, ended_id))
        await until(lambda: len(logs) > 2)
    assert {(line["event"], line["error"]) for line in logs} == {("settling_failed", "ValidationError")}


async def test_it_goes_on_when_the_database_comes_back(house: House, tmp_path: Path) -> None:
    path = tmp_path / "packhouse.db"
    ended_id = await ended_pack(house, house.admin)
    sql(path, "ALTER TABLE company RENAME TO elsewhere")
    async with settling(house) as logs:
        await until(lambda: len(logs) > 2)
        assert not written(path, ended_id)
        sql(path, "ALTER TABLE elsewhere RENAME TO company")
        await until(lambda: written(path, ended_id))
    assert {(line["event"], line["error"]) for line in logs} == {("settling_failed", "OperationalError")}
