"""What the data plane asks of a database, and a connection to the one that an installation has.

Statements are written in the SQL that both databases understand, with marks as SQLite has them (`?`, `?1`).
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from packhouse.adapters.database.postgres import PostgresConnection
from packhouse.adapters.database.sqlite import SqliteConnection

Place = Path | str
"""A file of SQLite, or PostgreSQL's URL (`postgresql://user:password@host:port/name`)."""
Row = tuple[Any, ...]


class Connection(Protocol):
    """One connection, used by one thread at a time. Blocking.

    Refused(unavailable) where a server cannot be reached; the next statement tries again.
    """

    @property
    def shares_writing(self) -> bool:
        """Whether several transactions write at once, so that rows and names need locks."""
        ...

    def run(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """One statement and its rows; a transaction of its own outside `writing`."""
        ...

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """The statement once for each row."""
        ...

    def writing(self, turns: Iterable[str] = ()) -> AbstractContextManager[None]:
        """One transaction; what raises leaves nothing. Until it ends no other one gets past `writing` with one of the
        same `turns`, and each of its statements sees what was committed before."""
        ...

    def close(self) -> None: ...


def connect(place: Place, *, durable: bool) -> Connection:
    """`durable`: a commit survives a power cut (on PostgreSQL the server decides)."""
    return SqliteConnection(place, durable=durable) if isinstance(place, Path) else PostgresConnection(place)
