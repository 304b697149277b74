"""The gateway's HTTP server: HTTP/1.1 on the running event loop, without a framework in between.

It knows nothing of routes; it hands whole requests to one handler and writes replies as they come.
"""

import asyncio
import errno
import socket
from contextlib import suppress

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.connection import Connection, Service
from packhouse.entrypoints.gateway.heads import Heads, error_reply
from packhouse.entrypoints.gateway.http import Admitting, Door, Handler, Refuse, Reply, Request
from packhouse.entrypoints.gateway.intake import RequestIds
from packhouse.entrypoints.gateway.limits import Limits
from packhouse.ports.outside import Clock

_BACKLOG = 2048
_AFTER_CUT_SECONDS = 1.0


class GatewayServer:
    """Serves `handler` over HTTP/1.1.

    Keep-alive and pipelining (answered in order), bodies by length or chunked, `Expect: 100-continue`. Where the
    handler is `Admitting`, it is asked before a large body is read, and before a client is told to go on.
    Every reply has an `x-request-id`: the client's own where it is sane, else a new one. Whatever the
    handler raises becomes a plain 500 and a log line without content; refusals are for it to translate.
    Malformed HTTP (400), slow (408), large bodies (413) and heads (431) are answered by `refuse`.
    """

    def __init__(
        self, handler: Handler, *, clock: Clock, limits: Limits | None = None, refuse: Refuse | None = None
    ) -> None:
        self._handler = handler
        self._refuse = refuse or _plainly
        self._clock = clock
        self._limits = limits or Limits()
        self._service: Service | None = None
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; known once `start` has returned."""
        return self._port

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._service.connections) if self._service else 0

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Listens on an address of this machine; port 0 picks a free one.

        `reuse_port` lets several processes share the port. Raises `Refused` `port_in_use`.
        """
        service = self._new_service()
        try:
            self._server = await service.loop.create_server(
                lambda: Connection(service), host, port, reuse_port=reuse_port or None, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise Refused(
                "port_in_use", f"Port {port} is taken by another program; choose another one.", port=port
            ) from error
        self._begin(service)

    async def start_on(self, listening: socket.socket) -> None:
        """Serves a socket that listens already, as a supervisor hands it down."""
        service = self._new_service()
        self._server = await service.loop.create_server(lambda: Connection(service), sock=listening, backlog=_BACKLOG)
        self._begin(service)

    def _new_service(self) -> Service:
        loop = asyncio.get_running_loop()
        heads = Heads(self._clock, loop.time)
        return Service(self._handler, self._limits, heads, RequestIds(), self._refuse, loop, _door_of(self._handler))

    def _begin(self, service: Service) -> None:
        assert self._server is not None
        self._service = service
        self._port = self._server.sockets[0].getsockname()[1]
        self._timer = service.loop.call_later(self._limits.tick_seconds, self._tick)

    async def drain(self, seconds: float) -> None:
        """Stops accepting, lets running requests finish for that long, then cuts what is left.

        Returns when no task of a request runs any more, at most a second after the cut.
        """
        service, server = self._service, self._server
        if service is None or server is None:
            return
        server.close()
        service.draining = True
        for connection in tuple(service.connections):
            connection.retire()
        service.settle()
        await _until_quiet(service, seconds)
        for connection in tuple(service.connections):
            connection.cut()
        await _until_quiet(service, _AFTER_CUT_SECONDS)
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        service = self._service
        assert service is not None
        now = service.loop.time()
        for connection in tuple(service.connections):
            connection.check(now)
        self._timer = service.loop.call_later(self._limits.tick_seconds, self._tick)


def _plainly(_request: Request, refused: Refused) -> Reply:
    return error_reply(refused)


def _door_of(handler: Handler) -> Door | None:
    return handler.admits if isinstance(handler, Admitting) else None


async def _until_quiet(service: Service, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await service.quiet.wait()
