"""SQLite as several processes on one file need it."""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_SECONDS = 30


class SqliteConnection:
    """See `connection.Connection`. One transaction writes at a time, whoever's turn it is."""

    shares_writing = False

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._sql = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._sql.execute(statement, values).fetchall()

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._sql.executemany(statement, rows)

    @contextmanager
    def writing(self, turns: Iterable[str] = ()) -> Generator[None]:
        del turns
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")

    def close(self) -> None:
        self._sql.close()
