"""One client's connection: HTTP/1.1 requests in order, answered in order."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from packhouse.simulators.delivery import Cut, Delivery, deliver, whole
from packhouse.simulators.http import Request
from packhouse.simulators.seen import Ended, Seen

_RESET_AFTER_SECONDS = 0.02
"""A reset throws away what the other side has not read yet; so much time it gets."""


class Connection(asyncio.Protocol):
    """Keep-alive and pipelining; streams as chunked bodies."""

    _transport: asyncio.Transport

    def __init__(self, take: Callable[[Request], Delivery], *, seen: Seen, connections: "set[Connection]") -> None:
        self._take = take
        self._seen = seen
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost = False
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._seen.connections += 1
        self._seen.open_connections += 1

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._connections.discard(self)
        self._seen.open_connections -= 1
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    # what the parser calls

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]},{text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, path, query, self._headers, b"".join(self._body))
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._begin()
        if self._task is None:
            self._serve()

    # answering

    def _serve(self) -> None:
        while self._waiting and not self._lost:
            request, keep_alive = self._waiting.popleft()
            delivery = self._take(request)
            if not delivery.at_once:
                self._task = asyncio.get_running_loop().create_task(self._deliver(delivery, keep_alive))
                return
            self._transport.write(whole(delivery.reply))
            self._end(delivery, "whole")
            if not keep_alive:
                self._transport.close()
                return

    async def _deliver(self, delivery: Delivery, keep_alive: bool) -> None:
        try:
            await deliver(self, delivery)
        except Cut as cut:
            self._end(delivery, "fault")
            await self._cut(cut)
            return
        except asyncio.CancelledError:
            self._end(delivery, "client left")
            raise
        except BaseException:
            self._transport.abort()  # half an answer is not to be taken for a whole one
            raise
        self._end(delivery, "fault" if delivery.fault else "whole")
        self._task = None
        if keep_alive:
            self._serve()
        else:
            self._transport.close()

    async def _cut(self, cut: Cut) -> None:
        if cut.how == "reset":
            await asyncio.sleep(_RESET_AFTER_SECONDS)
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    def _end(self, delivery: Delivery, ended: Ended) -> None:
        if delivery.seen is not None:
            self._seen.end(delivery.seen, ended)

    # what a delivery and the server call

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def ready(self) -> None:
        if self._writable is not None:
            await self._writable

    def drop(self) -> None:
        """Ends the connection at once."""
        self._transport.abort()
