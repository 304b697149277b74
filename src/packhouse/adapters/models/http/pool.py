"""The connections to one origin: taken for an exchange, kept for the next, no more than are allowed."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress

from packhouse.adapters.models.http.connection import UpstreamConnection
from packhouse.adapters.models.http.limits import PoolLimits
from packhouse.domain.errors import Refused


class Pool:
    """Connections to `host` and `port`, with TLS where `tls` is given; the last one used is used next."""

    def __init__(self, host: str, port: int, *, tls: ssl.SSLContext | None, limits: PoolLimits) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._limits = limits
        self._idle: list[UpstreamConnection] = []
        self._all: set[UpstreamConnection] = set()
        self._opening = 0
        self._queue: deque[asyncio.Future[UpstreamConnection | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def take_idle(self) -> UpstreamConnection | None:
        """A kept connection, if there is one that the other side has not closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                return connection
            connection.abort()
        return None

    async def take(self, connect_seconds: float) -> UpstreamConnection:
        """A connection: a new one where that is allowed, else the next that comes back.

        Raises `Refused`: `provider_unreachable`, or `unavailable` where all stay busy for `connect_seconds`.
        """
        while len(self._all) + self._opening >= self._limits.connections_max:
            connection = await self._wait(connect_seconds)
            if connection is not None and connection.usable():
                return connection
        return await self._connect(connect_seconds)

    def give(self, connection: UpstreamConnection) -> None:
        """Takes a connection back after an exchange; closes it unless it may serve another."""
        if not connection.keep():
            connection.abort()
        elif self._queue and (waiting := self._next_waiting()) is not None:
            waiting.set_result(connection)
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Closes every connection, busy ones included."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in tuple(self._all):
            connection.abort()
        self._idle.clear()

    async def _connect(self, connect_seconds: float) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        connection = UpstreamConnection(loop, self._limits, on_lost=self._lost)
        self._opening += 1
        try:
            async with asyncio.timeout(connect_seconds):
                await loop.create_connection(lambda: connection, self._host, self._port, ssl=self._tls)
            if connection.lost:
                raise ConnectionResetError
            self._all.add(connection)
        except (OSError, UnicodeError) as error:
            raise _unreachable(error) from error
        finally:
            self._opening -= 1
            if connection not in self._all:
                self._admit_next()
        if self._timer is None:
            self._timer = loop.call_later(self._limits.tick_seconds, self._tick)
        return connection

    async def _wait(self, seconds: float) -> UpstreamConnection | None:
        """A connection that another exchange gave back, None where one more may be opened."""
        waiting: asyncio.Future[UpstreamConnection | None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiting)
        try:
            async with asyncio.timeout(seconds):
                return await waiting
        except TimeoutError as error:
            self._pass_on(waiting)
            message = "All connections to the model's provider are busy; try again."
            raise Refused("unavailable", message) from error
        except asyncio.CancelledError:
            self._pass_on(waiting)
            raise

    def _pass_on(self, waiting: asyncio.Future[UpstreamConnection | None]) -> None:
        """Hands to the next one what was given to somebody who no longer waits."""
        if waiting.cancelled() or not waiting.done():
            with suppress(ValueError):
                self._queue.remove(waiting)
        elif (connection := waiting.result()) is not None:
            self.give(connection)
        else:
            self._admit_next()

    def _next_waiting(self) -> asyncio.Future[UpstreamConnection | None] | None:
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.done():
                return waiting
        return None

    def _admit_next(self) -> None:
        if (waiting := self._next_waiting()) is not None:
            waiting.set_result(None)

    def _lost(self, connection: UpstreamConnection) -> None:
        self._all.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        self._admit_next()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self._all):
            connection.check(now)
        self._timer = loop.call_later(self._limits.tick_seconds, self._tick) if self._all else None


def _unreachable(error: OSError | UnicodeError) -> Refused:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = "its certificate is not trusted"
    elif isinstance(error, ssl.SSLError):
        reason = "TLS failed"
    elif isinstance(error, TimeoutError):
        reason = "it did not take the connection in time"
    else:
        reason = "no connection could be made"
    return Refused("provider_unreachable", f"The model's provider cannot be reached: {reason}.")
