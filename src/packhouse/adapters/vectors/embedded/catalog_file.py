"""The small SQLite file of a knowledge base: what is in it, and one connection to it. Blocking: for threads."""

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from packhouse.adapters.vectors.embedded.durable import sync
from packhouse.adapters.vectors.embedded.locks import locked
from packhouse.domain.errors import Refused

BUSY_SECONDS = 30

NAME = "catalog.sqlite3"

ERASING = "erasing"
"""A file of this name in the directory: nobody may touch the knowledge base any more."""

_TABLES = (
    "CREATE TABLE base (dimensions INTEGER NOT NULL)",
    "CREATE TABLE collection (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL)",
    "CREATE TABLE document (id TEXT PRIMARY KEY,"
    " collection_id TEXT NOT NULL REFERENCES collection (id) ON DELETE CASCADE, name TEXT NOT NULL,"
    " media_type TEXT NOT NULL, digest TEXT NOT NULL, size_bytes INTEGER NOT NULL, state TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, chunks INTEGER NOT NULL, failure TEXT NOT NULL, failure_message TEXT NOT NULL,"
    " metadata TEXT NOT NULL)",
    "CREATE INDEX ix_document_newest ON document (collection_id, created_at, id)",
    "CREATE INDEX ix_document_digest ON document (collection_id, digest)",
    "CREATE TABLE tally (collection_id TEXT PRIMARY KEY REFERENCES collection (id) ON DELETE CASCADE,"
    " version INTEGER NOT NULL, chunks INTEGER NOT NULL)",
    "CREATE TABLE upkeep (collection_id TEXT PRIMARY KEY REFERENCES collection (id) ON DELETE CASCADE,"
    " tidied_version INTEGER NOT NULL, trained_chunks INTEGER NOT NULL)",
)
_VERSION = 1

Value = str | int | None
Row = tuple[Value, ...]


class CatalogFile:
    """One connection, used by one thread at a time; made with its directory on first use.

    `dimensions` is recorded by whoever makes the file and held to by everybody after: Refused(conflict).
    """

    def __init__(self, directory: Path, dimensions: int) -> None:
        self._path = directory / NAME
        self._erasing = directory / ERASING
        self._turn = threading.Lock()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sql = _connection(self._path)
        self._sql: sqlite3.Connection | None = sql
        try:
            with locked(directory / "making"):
                _prepare(sql, dimensions)
        except BaseException:
            sql.close()
            raise
        self._inode = os.stat(self._path).st_ino
        sync(directory)

    @property
    def erased(self) -> bool:
        """The file is not the one that was opened here, or is about to go."""
        try:
            return os.stat(self._path).st_ino != self._inode or self._erasing.exists()
        except FileNotFoundError:
            return True

    def read(self, statement: str, *values: Value) -> list[Row]:
        with self._turn, _translated():
            return self._connected().execute(statement, values).fetchall()

    def write(self, statement: str, *values: Value) -> int:
        """One statement, durable when this returns; the number of rows that it changed."""
        with self._turn, _translated():
            return self._connected().execute(statement, values).rowcount

    def rest(self) -> None:
        """Gives the connection's files back until the next call."""
        with self._turn:
            if self._sql is not None:
                self._sql.close()
            self._sql = None

    def _connected(self) -> sqlite3.Connection:
        if self.erased:
            raise Refused("not_found", "This knowledge base was erased.")
        if self._sql is None:
            self._sql = _connection(self._path)
        return self._sql


def _connection(path: Path) -> sqlite3.Connection:
    sql = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    sql.execute("PRAGMA foreign_keys = ON")
    return sql


def _prepare(sql: sqlite3.Connection, dimensions: int) -> None:
    (version,) = sql.execute("PRAGMA user_version").fetchone()
    if version == 0:
        sql.execute("PRAGMA journal_mode = WAL")
        with _transaction(sql):
            for statement in _TABLES:
                sql.execute(statement)
            sql.execute("INSERT INTO base VALUES (?)", (dimensions,))
            sql.execute(f"PRAGMA user_version = {_VERSION}")
    (made_with,) = sql.execute("SELECT dimensions FROM base").fetchone()
    if made_with != dimensions:
        raise Refused(
            "conflict",
            f"The knowledge base holds vectors of {made_with} dimensions, not {dimensions}: rebuild it to change.",
            dimensions=made_with,
        )


@contextmanager
def _transaction(sql: sqlite3.Connection) -> Generator[None]:
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
        sql.execute("COMMIT")
    except BaseException:
        sql.execute("ROLLBACK")
        raise


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Refused("unavailable", "The knowledge base's catalog cannot be used now; try again.") from error
