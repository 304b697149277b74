"""The store on SQLAlchemy: SQLite by default, PostgreSQL by its URL."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from packhouse.adapters.sql.engine import read_engine, refuse_unusable, write_engine
from packhouse.adapters.sql.schema import HEAD, schema_version, upgrade
from packhouse.adapters.sql.work import SqlWork
from packhouse.domain.errors import Refused


class SqlStore:
    """See `ports.store.Store`. `url` is SQLAlchemy's, with an asynchronous driver (`sqlite+aiosqlite:///…`)."""

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
        with _translated():
            async with self._writers.begin() as sql:
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
        raise
    except DatabaseError as error:
        reason = str(error.orig)
        if "not a database" in reason or "malformed" in reason:
            what = f"The database cannot be used: {reason}. Restore it from a backup, or choose another with --data."
            raise Refused("data_directory_unusable", what) from error
        raise
