"""What we use of LanceDB and Arrow, loaded on first use (2 s, 150 MB): call nothing here from an event loop.

LanceDB must never live through a fork; parts are spawned.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self, cast

from packhouse.domain.errors import Refused

INDEX_CACHE_BYTES = 256 * 1024**2
METADATA_CACHE_BYTES = 64 * 1024**2
"""Of all knowledge bases of a process together."""


class Arrow(Protocol):
    """A table in memory."""

    @property
    def num_rows(self) -> int: ...

    def to_pylist(self) -> list[dict[str, object]]: ...


class Query(Protocol):
    """A search under construction; filters are applied before the search."""

    def where(self, where: str) -> Self: ...
    def select(self, columns: list[str]) -> Self: ...
    def limit(self, limit: int) -> Self: ...
    def offset(self, offset: int) -> Self: ...
    def order_by(self, ordering: Sequence[object]) -> Self: ...
    def distance_type(self, distance_type: str) -> Self: ...
    def bypass_vector_index(self) -> Self: ...
    def refine_factor(self, refine_factor: int) -> Self: ...
    def minimum_nprobes(self, minimum_nprobes: int) -> Self: ...
    def maximum_nprobes(self, maximum_nprobes: int) -> Self: ...
    def to_arrow(self) -> Arrow: ...


class Merge(Protocol):
    """An upsert under construction."""

    def when_matched_update_all(self) -> Self: ...
    def when_not_matched_insert_all(self) -> Self: ...
    def when_not_matched_by_source_delete(self, condition: str | None = None) -> Self: ...
    def execute(self, new_data: object) -> object: ...


class Deleted(Protocol):
    num_deleted_rows: int


class Index(Protocol):
    name: str
    num_indexed_rows: int | None
    num_unindexed_rows: int | None


class Table(Protocol):
    """One table. Calls see what other processes have committed before."""

    @property
    def version(self) -> int: ...

    def count_rows(self, filter: str | None = None) -> int: ...  # noqa: A002
    def search(self, query: object = None, **how: object) -> Query: ...
    def merge_insert(self, on: str) -> Merge: ...
    def delete(self, where: str) -> Deleted: ...
    def update(self, where: str, *, values_sql: Mapping[str, str]) -> object: ...
    def optimize(self, *, cleanup_older_than: timedelta, delete_unverified: bool) -> None: ...
    def create_index(self, column: str, /, *, config: object, name: str) -> None: ...
    def list_indices(self) -> Sequence[Index]: ...


class Database(Protocol):
    def create_table(self, name: str, *, schema: object, exist_ok: bool) -> Table: ...
    def open_table(self, name: str) -> Table: ...


class Lance:
    """The library with one bounded cache for the process. Making it imports the library."""

    def __init__(self) -> None:
        import lancedb

        self._connect = cast("Any", lancedb).connect
        self._session = lancedb.Session(
            index_cache_size_bytes=INDEX_CACHE_BYTES, metadata_cache_size_bytes=METADATA_CACHE_BYTES
        )

    def database(self, directory: Path) -> Database:
        """Its tables look for the newest version before every call."""
        connect = self._connect
        return connect(str(directory), read_consistency_interval=timedelta(0), session=self._session)


def matching(text: str, column: str) -> object:
    """A full-text query for any of the words of `text`."""
    from lancedb.query import MatchQuery

    return cast("Any", MatchQuery)(text, column)


def ascending(*columns: str) -> list[object]:
    """An order by columns, what is absent first."""
    from lancedb.query import ColumnOrdering

    return [ColumnOrdering(column_name=column, ascending=True, nulls_first=True) for column in columns]


def conflicted(error: Exception) -> bool:
    """Another writer was quicker; the same again may go well."""
    return "conflict" in str(error).lower()


@contextmanager
def translated() -> Generator[None]:
    """A failure of the library as a refusal.

    Its text is left behind: it can quote filters, which are content.
    """
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        raise Refused(
            "unavailable", "The vector engine could not do this now; try again.", failure=type(error).__name__
        ) from None
