"""Connections: SQLite as it must be set up for several processes on one file; others as they come."""

import os
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import cast

from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from packhouse.domain.errors import Refused

BUSY_SECONDS = 30
READERS_MAX = 8


def read_engine(url: str) -> AsyncEngine:
    """For transactions that only look: each sees one state of the database."""
    if not _is_sqlite(url):
        engine = create_async_engine(url, pool_size=READERS_MAX, isolation_level="REPEATABLE READ")
        return engine.execution_options(postgresql_readonly=True)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=READERS_MAX)
    _set_up(engine, "PRAGMA query_only = ON", begin="BEGIN")
    return engine


def write_engine(url: str) -> AsyncEngine:
    """For transactions that write."""
    if not _is_sqlite(url):
        return create_async_engine(url)
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
    directory = Path(place).parent if place and _is_sqlite(url) else None
    if directory is not None and not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise Refused(
            "data_directory_unusable",
            f"The directory {directory} does not exist or cannot be written. Make it, or name another one.",
            directory=str(directory),
        )


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


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
