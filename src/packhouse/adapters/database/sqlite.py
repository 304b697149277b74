"""SQLite as several processes on one file need it."""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packhouse.domain.errors import Refused

BUSY_SECONDS = 30
_AWAY = {
    sqlite3.SQLITE_BUSY: "it stayed locked by another process",
    sqlite3.SQLITE_LOCKED: "it stayed locked",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_IOERR: "its disk does not answer as it should",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_READONLY: "its file may not be written",
}
"""What is no mistake of a statement, in words."""


class SqliteConnection:
    """See `connection.Connection`. One transaction writes at a time, whoever's turn it is."""

    shares_writing = False

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._sql = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _reached():
            return self._sql.execute(statement, values).fetchall()

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        with _reached():
            self._sql.executemany(statement, rows)

    @contextmanager
    def writing(self, turns: Iterable[str] = ()) -> Generator[None]:
        del turns
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self._sql.in_transaction:  # a failed disk has rolled back already
                self.run("ROLLBACK")
            raise

    def close(self) -> None:
        self._sql.close()


@contextmanager
def _reached() -> Generator[None]:
    """Refused(unavailable) where the file cannot be used just now."""
    try:
        yield
    except sqlite3.OperationalError as error:
        reason = _AWAY.get(error.sqlite_errorcode & 0xFF)  # the rest tells more closely which of them
        if reason is None:
            raise
        raise Refused("unavailable", f"The database cannot be used: {reason}. Try again in a moment.") from error
