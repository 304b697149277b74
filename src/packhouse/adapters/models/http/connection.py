"""One connection to a provider: one exchange at a time, its answer collected or handed on in pieces."""

import asyncio
import select
from collections import deque
from collections.abc import Callable
from math import inf
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from packhouse.adapters.models.http.limits import PoolLimits, Timeouts
from packhouse.domain.errors import Refused

_JOINED_BYTES_MAX = 64 * 1024
_PEEK_AFTER_SECONDS = 0.01


class UpstreamConnection(asyncio.Protocol):
    """Sends one request, receives its answer.

    Once `send` or `next_piece` is done: `status`, `headers` (as received), `pieces` (body bytes not yet taken),
    `complete`, and `error` where the exchange has failed and the connection is gone.
    """

    __slots__ = (
        "_decided",
        "_final",
        "_head_bytes",
        "_idle_since",
        "_kept_before",
        "_large",
        "_limits",
        "_loop",
        "_on_end",
        "_on_lost",
        "_parser",
        "_paused",
        "_persistent",
        "_size",
        "_streaming",
        "_timeouts",
        "_transport",
        "_waiter",
        "complete",
        "deadline",
        "error",
        "headers",
        "heard",
        "lost",
        "pieces",
        "reused",
        "status",
    )

    _transport: asyncio.Transport

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: PoolLimits,
        *,
        on_lost: Callable[["UpstreamConnection"], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._on_lost = on_lost
        self._parser = HttpResponseParser(self)
        self._timeouts = Timeouts()
        self._waiter: asyncio.Future[None] | None = None
        self.lost = False
        self.reused = False
        self._kept_before = False
        self._idle_since = inf
        self._final = inf
        self.deadline = inf
        self._reset(streaming=False)
        self.complete = True

    def _reset(self, *, streaming: bool) -> None:
        self._streaming = streaming
        self._decided = False
        self._head_bytes = 0
        self._size = 0
        self._paused = False
        self._persistent = False
        self._large = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: deque[bytes] = deque()
        self.heard = False
        self.complete = False
        self.error: Refused | None = None
        self._on_end: Callable[[UpstreamConnection], None] | None = None

    # what the pool and the client call

    def send(self, head: bytes, body: bytes, *, streaming: bool, timeouts: Timeouts) -> "asyncio.Future[None]":
        """Sends; what is returned is done with the whole answer, or with its head if `streaming`.

        Then `error` is to be looked at. Whoever stops waiting must `abort`.
        """
        self._reset(streaming=streaming)
        now = self._loop.time()
        self._timeouts = timeouts
        self._final = now + timeouts.total_seconds
        self.deadline = now + timeouts.first_byte_seconds
        if len(body) <= _JOINED_BYTES_MAX:
            self._transport.write(head + body)
        else:
            self._large = True
            self._transport.write(head)
            self._transport.write(body)
        self._waiter = waiter = self._loop.create_future()
        return waiter

    async def next_piece(self) -> bytes | None:
        """The next piece of the body as it came, None at its end; raises `error`."""
        while not self.pieces:
            if self.error is not None:
                raise self.error
            if self.complete:
                return None
            await self._wait()
        piece = self.pieces.popleft()
        self._size -= len(piece)
        if self._paused and not self.lost and self._size <= self._limits.unread_bytes_max // 2:
            self._paused = False
            self._await_more()
            self._transport.resume_reading()
        return piece

    def usable(self) -> bool:
        """Whether another request may be sent on it: complete, and not closed by the other side.

        The loop may not have come round to a close that is there already. So the socket is asked too, after a
        pause and where it has not yet been seen that the other side keeps connections.
        """
        if self.lost or not self.complete or self._transport.is_closing():
            return False
        if self._kept_before and self._loop.time() - self._idle_since < _PEEK_AFTER_SECONDS:
            return True
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def leave(self, on_end: Callable[["UpstreamConnection"], None], *, within_seconds: float) -> None:
        """What is still to come is dropped; `on_end` gets the connection if that ends in time."""
        self.pieces.clear()
        self._on_end = on_end
        self._final = self._loop.time() + within_seconds

    def keep(self) -> bool:
        """Whether it may wait for another request; if so it does, until the idle deadline."""
        if not self._persistent or self.lost:
            return False
        if self._large and self._transport.get_write_buffer_size():
            return False  # it answered before it had read everything
        self.status = 0
        self._kept_before = self.reused
        self.reused = True
        self._idle_since = self._loop.time()
        self.deadline = self._idle_since + self._limits.idle_seconds
        return True

    def check(self, now: float) -> None:
        """Acts on a deadline that has passed."""
        if self.lost or (now < self.deadline and (now < self._final or self.complete)):
            return
        if self.complete:
            self._transport.close()
        elif now < self._final and self._streaming and (self._paused or self.pieces):
            self._await_more()  # it is we who are slow
        else:
            self._fail("provider_timeout", "The model's provider did not answer in time.")

    def abort(self) -> None:
        self.lost = True
        self._transport.abort()

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports inherit from nothing

    def data_received(self, data: bytes) -> None:
        if self.complete or self.error is not None:
            self.abort()  # nobody asked for anything
            return
        self.heard = True
        self.deadline = self._loop.time() + self._timeouts.between_bytes_seconds
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if self.complete:
                self.abort()
            else:
                self._fail("provider_malformed", "The model's provider answered something that is not HTTP.")
            return
        if self._streaming and self._size > self._limits.unread_bytes_max and not self.complete:
            self._paused = True
            self._transport.pause_reading()
        elif not self._decided:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes_max:
                self._fail("provider_malformed", "The model's provider answered with too large a head.")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.complete and self.error is None:
            if exc is None and self._decided and self._ends_at_close():
                self._complete()
            elif self.heard:
                self._fail("provider_cut", "The model's provider broke off in the middle of its answer.")
            else:
                self._fail("provider_cut", "The model's provider closed the connection without an answer.")
        del self._parser
        self._on_lost(self)

    # what httptools calls

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._decided:  # else a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:  # a second answer to one request
            self.abort()
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._decided = True
        if self._streaming:
            self._wake()

    def on_body(self, piece: bytes) -> None:
        if self.complete or self._on_end is not None:
            return
        self._size += len(piece)
        if not self._streaming and self._size > self._limits.answer_bytes_max:
            self._fail("provider_malformed", "The model's provider answered more than is taken.")
            return
        self.pieces.append(piece)
        if self._streaming:
            self._wake()

    def on_message_complete(self) -> None:
        if self._decided:
            self._persistent = self._parser.should_keep_alive()
            self._complete()
        else:  # 100 Continue, 103 Early Hints: the answer is yet to come
            self.headers = []

    # the rest

    def _ends_at_close(self) -> bool:
        return not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers)

    def _await_more(self) -> None:
        self.deadline = self._loop.time() + self._timeouts.between_bytes_seconds

    def _complete(self) -> None:
        self.complete = True
        self.deadline = inf
        self._wake()
        if self._on_end is not None:
            self._on_end(self)

    def _fail(self, code: str, message: str) -> None:
        if self.error is None:
            self.error = Refused(code, message)
            self.abort()
            self._wake()

    async def _wait(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        try:
            await waiter
        except asyncio.CancelledError:
            self.abort()
            raise

    def _wake(self) -> None:
        if (waiter := self._waiter) is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
