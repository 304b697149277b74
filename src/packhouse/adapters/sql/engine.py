"""Connections: SQLite and PostgreSQL as they must be set up for several processes on one database."""

import os
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Literal, cast

from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from packhouse.adapters.database.postgres import Driver, open_driver
from packhouse.domain.errors import Refused

BUSY_SECONDS = 30
READERS_MAX = 8
WRITERS_TURN = 1_885_431_144
"""The lock that each writing transaction on PostgreSQL takes first, migrations too; any number will do."""


def read_engine(url: str) -> AsyncEngine:
    """For transactions that only look: each sees one state of the database."""
    if not is_sqlite(url):
        engine = _postgres(url, connections=READERS_MAX, isolation="REPEATABLE READ")
        return engine.execution_options(postgresql_readonly=True)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=READERS_MAX)
    _set_up(engine, "PRAGMA query_only = ON", begin="BEGIN")
    return engine


def write_engine(url: str) -> AsyncEngine:
    """For transactions that write."""
    if not is_sqlite(url):
        engine = _postgres(url, connections=1, isolation="READ COMMITTED")
        event.listen(engine.sync_engine, "begin", _take_turn)
        return engine
    # One connection: writers of this process queue up in order instead of polling for the lock
    engine = create_async_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=1,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
    )
    # The journal of cloud tokens must survive a power cut, and management writes are few: FULL, not NORMAL
    _set_up(engine, "PRAGMA synchronous = FULL", begin="BEGIN IMMEDIATE")
    return engine


def refuse_unusable(url: str) -> None:
    """Refused(data_directory_unusable) where SQLite could not make its file.

    Asked before the driver tries: where it fails, its thread outlives the event loop.
    """
    place = make_url(url).database
    directory = Path(place).parent if place and is_sqlite(url) else None
    if directory is not None and not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise Refused(
            "data_directory_unusable",
            f"The directory {directory} does not exist or cannot be written. Make it, or name another one.",
            directory=str(directory),
        )


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _postgres(url: str, *, connections: int, isolation: Literal["REPEATABLE READ", "READ COMMITTED"]) -> AsyncEngine:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    async def connect(*_: object, **__: object) -> Driver:
        return await open_driver(plain)

    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        async_creator=connect,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
        isolation_level=isolation,
        hide_parameters=True,
    )


def _take_turn(connection: Connection) -> None:
    """One verb writes at a time, as on SQLite: what it read is still so when it commits, and none waits in a circle."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_TURN})")


def _set_up(engine: AsyncEngine, pragma: str, *, begin: str) -> None:
    """The driver must not open transactions by itself: it would take the write lock too late to be safe."""

    def connected(dbapi: object, _: ConnectionPoolEntry) -> None:
        connection = cast(SqliteConnection, dbapi)
        connection.isolation_level = None
        cursor = connection.cursor()
        for one in ("PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON", pragma):
            cursor.execute(one)
        cursor.close()

    def begins(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begins)
