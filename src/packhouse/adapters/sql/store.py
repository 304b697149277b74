"""The store on SQLAlchemy: SQLite by default, PostgreSQL by its URL."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from packhouse.adapters.sql.engine import is_sqlite, read_engine, refuse_unusable, write_engine
from packhouse.adapters.sql.schema import HEAD, schema_version, upgrade
from packhouse.adapters.sql.work import SqlWork
from packhouse.domain.errors import Refused

_PASSING = frozenset({"55P03", "40P01", "57P01", "57P02", "57P03", "53300"})
"""PostgreSQL's states: no lock in time, a deadlock, shutting down, starting, no connection left."""


class SqlStore:
    """See `ports.store.Store`. `url` is `sqlite+aiosqlite:///…` or `postgresql://…`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._readers = read_engine(url)
        self._writers = write_engine(url)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[SqlWork]:
        with _translated():
            async with self._readers.begin() as sql:
                yield SqlWork(sql)

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[SqlWork]:
        with _translated():
            async with self._writers.begin() as sql:
                yield SqlWork(sql)

    async def is_current(self) -> bool:
        """Whether the schema is as new as this code, or newer (a rolling upgrade has passed by).

        Refused(data_directory_unusable).
        """
        refuse_unusable(self._url)
        # SQLite's file must be made where there is none; elsewhere a look need not wait for its turn to write
        engine = self._writers if is_sqlite(self._url) else self._readers
        with _translated():
            async with engine.begin() as sql:
                version = await sql.run_sync(schema_version)
        return version is not None and version >= HEAD

    async def migrate(self) -> None:
        """Bring the schema forward. Loads Alembic only where there is something to do. Safe to run twice."""
        if not await self.is_current():
            with _translated():
                async with self._writers.begin() as sql:
                    await sql.run_sync(upgrade)

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writers.dispose()


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise Refused("unavailable", "The database is busy. Try again in a moment.") from error
    except IntegrityError as error:
        raise Refused("conflict", "This was changed by somebody else meanwhile. Look again.") from error
    except OperationalError as error:
        reason = str(error.orig)
        if "unable to open" in reason or "readonly" in reason or "disk" in reason:
            raise Refused("data_directory_unusable", f"The database cannot be used: {reason}.") from error
        if "locked" in reason:
            raise Refused("unavailable", "The database is busy. Try again in a moment.") from error
        raise _away(error) from error
    except DatabaseError as error:
        reason = str(error.orig)
        if "not a database" in reason or "malformed" in reason:
            what = f"The database cannot be used: {reason}. Restore it from a backup, or choose another with --data."
            raise Refused("data_directory_unusable", what) from error
        raise _away(error) from error
    except DBAPIError as error:
        raise _away(error) from error


def _away(error: DBAPIError) -> Exception:
    """Refused(unavailable) where a server went away, or kept us waiting for a lock; else the error itself."""
    state = str(getattr(error.orig, "sqlstate", "") or "")
    if error.connection_invalidated or state in _PASSING or state.startswith("08"):
        return Refused("unavailable", "The database cannot be reached, or is busy. Try again in a moment.")
    return error
