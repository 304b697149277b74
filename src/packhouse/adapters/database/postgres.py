"""PostgreSQL by asyncpg: its connections, and a blocking one that the meter's and the jobs' threads use.

The driver is asynchronous only, so a blocking connection has a loop in a thread of its own.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import count
from typing import Any, TypeVar, cast

from packhouse.domain.errors import Refused

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
LOCK_WAIT = "30s"

_REFUSED = {
    "28P01": "it refuses the user or the password of the setting `database`",
    "28000": "it refuses the user of the setting `database`",
    "3D000": "the server has no database of that name",
    "42501": "its user may not do what is needed there",
    "53300": "the server has no connection left",
    "57P03": "the server is starting or stopping",
}
"""PostgreSQL's states, in words."""

_MARK = re.compile(r"\?(\d*)")
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

Driver = Any
"""asyncpg's connection; the library tells no types."""
Result = TypeVar("Result")


async def open_driver(url: str) -> Driver:
    """A connection of the driver's own. Refused(unavailable): the reason in words, never the URL."""
    import asyncpg  # where the database is SQLite it is never loaded

    settings = {
        "application_name": "packhouse",
        "lock_timeout": LOCK_WAIT,
        "idle_in_transaction_session_timeout": LOCK_WAIT,  # a node that is cut off keeps no lock from others
        "jit": "off",
    }
    connect = cast("Callable[..., Coroutine[Any, Any, Driver]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]
    try:
        return await connect(url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS, server_settings=settings)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        # from None: what the driver says may repeat the URL
        raise Refused("unavailable", f"The database cannot be used: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError | TimeoutError):
        return "no server answers at the address of the setting `database`"
    state = str(getattr(error, "sqlstate", ""))
    return _REFUSED.get(state, f"the server refuses the connection ({state or type(error).__name__})")


@cache
def _gone() -> tuple[type[Exception], ...]:
    """What is raised when a server cannot be reached any more."""
    import asyncpg

    return (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)


class PostgresConnection:
    """See `connection.Connection`. A connection that was lost is made anew by the next statement."""

    shares_writing = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._driver: Driver = None
        self._in_transaction = False
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgresql", daemon=True)
        self._thread.start()

    def run(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._wait(self._fetch(numbered(statement), values))]

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            self._wait(self._many(numbered(statement), rows))

    @contextmanager
    def writing(self, turns: Iterable[str] = ()) -> Generator[None]:
        self._wait(self._begin(sorted(set(turns))))
        try:
            yield
            self._wait(self._end("COMMIT"))
        except BaseException:
            if self._in_transaction:
                self._wait(self._end("ROLLBACK"))
            raise

    def close(self) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            return asyncio.run_coroutine_threadsafe(self._answered(work), self._loop).result()
        except _gone() as error:
            raise Refused("unavailable", "The database cannot be reached. Try again in a moment.") from error

    async def _answered(self, work: Coroutine[Any, Any, Result]) -> Result:
        """A connection over which no answer came is given up: the server rolls back what was not committed."""
        try:
            return await work
        except TimeoutError:
            if self._driver is not None:
                self._driver.terminate()
            raise

    async def _connected(self) -> Driver:
        if self._driver is None or self._driver.is_closed():
            if self._in_transaction:
                raise ConnectionError("the connection ended within a transaction")
            self._driver = await open_driver(self._url)
        return self._driver

    async def _fetch(self, statement: str, values: Sequence[object]) -> Sequence[Sequence[Any]]:
        return await (await self._connected()).fetch(statement, *values)

    async def _many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        await (await self._connected()).executemany(statement, rows)

    async def _begin(self, turns: Sequence[str]) -> None:
        driver = await self._connected()
        await driver.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        self._in_transaction = True
        try:
            for turn in turns:  # in one order, so that nobody waits in a circle
                await driver.execute(_TURN, turn)
        except BaseException:
            await self._end("ROLLBACK")
            raise

    async def _end(self, how: str) -> None:
        """A connection that is gone has rolled back already."""
        self._in_transaction = False
        if how == "ROLLBACK" and self._driver.is_closed():
            return
        await self._driver.execute(how)

    async def _close(self) -> None:
        if self._driver is not None and not self._driver.is_closed():
            self._driver.terminate() if self._in_transaction else await self._driver.close()


@lru_cache(maxsize=512)
def numbered(statement: str) -> str:
    """Marks as PostgreSQL has them."""
    number = count(1)
    return _MARK.sub(lambda mark: f"${mark.group(1) or next(number)}", statement)
