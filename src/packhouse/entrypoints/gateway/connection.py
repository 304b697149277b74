"""One client's connection: its requests in order, their replies written as they come."""

import asyncio
import traceback
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import cast

import structlog

from packhouse.domain.errors import CODES, Refused
from packhouse.entrypoints.gateway.heads import Heads
from packhouse.entrypoints.gateway.http import Door, Handler, Refuse, Reply
from packhouse.entrypoints.gateway.intake import Intake, RequestIds, Turn
from packhouse.entrypoints.gateway.limits import Limits

_log: structlog.stdlib.BoundLogger = structlog.get_logger("packhouse.gateway")
_JOINED_BYTES_MAX = 16 * 1024
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Service:
    """What all connections of one server share. `leaving`: tasks whose client has gone.

    `quiet` is set once a draining server has neither connections nor tasks left.
    """

    handler: Handler
    limits: Limits
    heads: Heads
    ids: RequestIds
    refuse: Refuse
    loop: asyncio.AbstractEventLoop
    door: Door | None = None
    connections: set["Connection"] = field(default_factory=set["Connection"])
    leaving: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    draining: bool = False
    quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self, gone: asyncio.Task[None] | None = None) -> None:
        """Takes note that a task or a connection has ended."""
        if gone is not None:
            self.leaving.discard(gone)
        if self.draining and not self.connections and not self.leaving:
            self.quiet.set()


class Connection(asyncio.Protocol):
    """Reads requests, runs one handler task at a time, writes replies; pieces of a stream at once.

    What the client does not read holds the stream back. When the client goes away, the running task is
    cancelled and its stream closed. A handler that breaks gives a 500; a stream that breaks cuts the
    connection, so that half an answer cannot be taken for a whole one.
    """

    __slots__ = (
        "_deadline",
        "_door",
        "_ending",
        "_head_begun",
        "_intake",
        "_lost",
        "_paused",
        "_service",
        "_task",
        "_transport",
        "_waiting",
        "_writable",
    )

    _transport: asyncio.Transport

    def __init__(self, service: Service) -> None:
        self._service = service
        self._intake = Intake(service.limits, service.ids, on_turn=self._take, on_large=self._knock)
        self._task: asyncio.Task[None] | None = None
        self._door: asyncio.Future[bool] | None = None
        self._waiting: deque[Turn] = deque()
        self._writable: asyncio.Future[None] | None = None
        self._deadline = inf
        self._head_begun = False
        self._ending = False
        self._lost = False
        self._paused = False

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports inherit from nothing
        self._transport.set_write_buffer_limits(high=self._service.limits.unsent_bytes_max)
        self._deadline = self._service.loop.time() + self._service.limits.head_seconds
        self._service.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        try:
            self._intake.feed(data)
        except Refused as refused:
            if not self._ending:
                self._ending = True
                self._take(self._intake.refusal(refused))
            return
        if self._intake.partial:
            self._await_rest()

    def pause_writing(self) -> None:
        self._writable = self._service.loop.create_future()
        self._deadline = self._service.loop.time() + self._service.limits.send_stall_seconds

    def resume_writing(self) -> None:
        self._deadline = inf
        if (writable := self._writable) is not None:
            self._writable = None
            if not writable.done():
                writable.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        service = self._service
        service.connections.discard(self)
        self._intake.close()
        self._waiting.clear()
        if (door := self._door) is not None:
            self._door = None
            door.cancel()
        if (task := self._task) is not None:
            service.leaving.add(task)
            task.add_done_callback(service.settle)
            task.cancel()
        service.settle()

    # what the server calls

    def check(self, now: float) -> None:
        """Acts on a deadline that has passed."""
        if now < self._deadline:
            return
        if self._writable is not None:
            self.cut()
        elif self._task is not None:
            self._deadline = inf
        elif self._ending:
            self._transport.abort()
        elif self._intake.partial:
            self._ending = True
            refused = Refused("request_timeout", "The rest of the request did not arrive in time.")
            self._take(self._intake.refusal(refused))
        else:
            self._close()

    def retire(self) -> None:
        """Closes the connection if nothing is under way on it."""
        if self._task is None and not self._intake.partial and not self._ending:
            self._close()

    def cut(self) -> None:
        """Ends the connection and whatever runs on it, now."""
        self._transport.abort()  # its loss cancels the task, once: what it then tidies up is not disturbed

    def _close(self) -> None:
        """Closes once all is sent; `check` cuts where the client does not take it."""
        self._ending = True
        self._deadline = self._service.loop.time() + self._service.limits.linger_seconds
        self._transport.close()

    # reading

    def _knock(self, turn: Turn) -> None:
        """Asks whether the body may come, and holds it back until that is known."""
        if self._service.door is None:
            self._continue(turn)
            return
        asked = self._door = asyncio.ensure_future(self._service.door(turn.request))
        self._pace()
        asked.add_done_callback(lambda done: self._admit(done, turn))

    def _admit(self, asked: asyncio.Future[bool], turn: Turn) -> None:
        admitted = not asked.cancelled() and asked.exception() is None and asked.result()
        if asked is not self._door:
            return  # the whole request was there first, or the client has gone
        self._door = None
        if admitted:
            self._continue(turn)
        else:
            self._take(turn)  # the handler says no, or breaks, once more
        self._pace()

    def _continue(self, turn: Turn) -> None:
        if self._task is None and "expect" in turn.request.headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _pace(self) -> None:
        """Reads on, or does not: while the door is asked, and while too many requests wait."""
        pause = self._door is not None or len(self._waiting) >= self._service.limits.pipelined_max
        if pause != self._paused and not self._transport.is_closing():
            self._paused = pause
            (self._transport.pause_reading if pause else self._transport.resume_reading)()

    def _await_rest(self) -> None:
        limits, now = self._service.limits, self._service.loop.time()
        if self._writable is not None:
            return
        if self._intake.in_body:
            self._deadline = now + limits.body_stall_seconds
        elif not self._head_begun:
            self._head_begun = True
            self._deadline = now + limits.head_seconds

    def _take(self, turn: Turn) -> None:
        self._head_begun = False
        if self._door is not None:
            self._door = None  # what it was asked about is here
            self._pace()
        if not turn.keep_alive:
            self._ending = True  # what follows the last request is not read
        if self._task is None:
            self._start(turn)
            return
        self._waiting.append(turn)
        self._pace()

    def _start(self, turn: Turn) -> None:
        if turn.refused is not None:
            self._refuse(turn, turn.refused)
        else:
            self._deadline = inf
            self._task = self._service.loop.create_task(self._answer(turn))

    # writing

    async def _answer(self, turn: Turn) -> None:
        reply: Reply | None = None
        try:
            reply = await self._service.handler(turn.request)
            if reply.stream is not None:
                await self._send_stream(turn, reply)
            elif self._lost:
                return
        except (Exception, asyncio.CancelledError) as error:
            if self._lost and isinstance(error, asyncio.CancelledError):
                return
            _log_broken(turn, error)
            if reply is not None or self._lost:
                self.cut()
                return
            reply = self._service.refuse(turn.request, Refused("internal", CODES["internal"]))
        if reply.stream is None:
            self._send_whole(turn, reply)
        if self._writable is not None:
            await self._writable
        if not self._lost:
            self._next(turn)

    def _next(self, turn: Turn) -> None:
        self._task = None
        if self._waiting:
            turn = self._waiting.popleft()
            self._pace()
            self._start(turn)
        elif turn.early:
            self._linger()
        elif not turn.keep_alive or self._service.draining:
            self._close()
        elif self._intake.partial:
            self._await_rest()
        else:
            self._deadline = self._service.loop.time() + self._service.limits.idle_seconds

    def _send_whole(self, turn: Turn, reply: Reply) -> None:
        body = reply.body
        bodiless = reply.status in _BODILESS
        head = self._service.heads.head(
            reply,
            turn.request.id,
            ends=b"" if bodiless else b"content-length: %d\r\n" % len(body),
            old=turn.old,
            close=self._is_last(turn),
        )
        if bodiless or turn.request.method == "HEAD":
            self._transport.write(head)
        elif len(body) <= _JOINED_BYTES_MAX:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def _send_stream(self, turn: Turn, reply: Reply) -> None:
        stream, transport = reply.stream, self._transport
        assert stream is not None
        if turn.old:
            turn.keep_alive = False  # only its end tells such a client where the body ends
        ends = b"" if turn.old else b"transfer-encoding: chunked\r\n"
        close = self._is_last(turn)
        head = self._service.heads.head(reply, turn.request.id, ends=ends, old=turn.old, close=close)
        try:
            if self._lost:
                return
            transport.write(head)
            if turn.request.method != "HEAD":
                async for piece in stream:
                    if piece:
                        transport.write(piece if turn.old else b"%x\r\n%b\r\n" % (len(piece), piece))
                    if self._writable is not None:
                        await self._writable
                if not turn.old:
                    transport.write(b"0\r\n\r\n")
        finally:
            await stream.aclose()

    def _is_last(self, turn: Turn) -> bool:
        return not turn.keep_alive or (self._service.draining and not self._waiting)

    def _refuse(self, turn: Turn, refused: Refused) -> None:
        self._send_whole(turn, self._service.refuse(turn.request, refused))
        self._linger()

    def _linger(self) -> None:
        """Ends, reading on for a while: closing at once would lose the answer on its way."""
        self._ending = True
        self._deadline = self._service.loop.time() + self._service.limits.linger_seconds
        if self._transport.can_write_eof():
            self._transport.write_eof()


def _log_broken(turn: Turn, error: BaseException) -> None:
    """Names what broke and where; never its message, which may quote what it choked on."""
    frames = [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    _log.error("request_broken", request_id=turn.request.id, error=type(error).__name__, at=frames[-6:])
