"""Mixed traffic from one process: many connections, each asking one thing after the other, raced or paced.

A connection is an asyncio protocol that reads no more of an answer than its status and its end, so that this client
costs a small part of what a gateway does.
"""

import asyncio
import random
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from load import Question

TICK_SECONDS = 0.002
PATIENCE_SECONDS = 30
UNAVAILABLE = "503 unavailable"
CODE = re.compile(rb'"code": ?"(\w+)"')


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is asked: how often, the status that is right; `leaves` after the first of it has come."""

    name: str
    weight: int
    request: bytes
    status: int = 200
    leaves: bool = False

    @classmethod
    def of(cls, name: str, question: Question, *, weight: int, status: int = 200, leaves: bool = False) -> "Kind":
        body = question.body.encode()
        lines = [f"POST {question.path} HTTP/1.1", "host: gateway", f"content-length: {len(body)}"]
        lines += [f"{header}: {value}" for header, value in question.headers.items()]
        return cls(name, weight, "\r\n".join([*lines, "", ""]).encode() + body, status, leaves)


class Traffic:
    """What was asked of `url`. `answered` by kind; `wrong`: kinds with statuses that are not right; `broken` calls.

    `unavailable`: refused since the database did not answer in time, as a call is that needs it on a busy machine.
    """

    def __init__(self, url: str, kinds: Sequence[Kind], *, seed: int = 1) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        many = [kind for kind in kinds for _ in range(kind.weight)] * 20
        random.Random(seed).shuffle(many)
        self._kinds, self._turn = many, 0
        self._idle = deque[_Connection]()
        self._opening = self._open = 0
        self._due = 0
        self._then: Callable[[_Connection], None] = self._rest
        self._openers = set[asyncio.Task[None]]()
        self.answered: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.unavailable = 0
        self.broken = 0
        self.late_most = 0
        self._busy = 0

    async def raced(self, connections: int, seconds: float) -> float:
        """As much as goes over so many connections; how many calls a second that is."""
        before, began = self.answered.total(), time.monotonic()
        self._then = self._next
        for _ in range(connections):
            self._start_one()
        await asyncio.sleep(seconds)
        rate = (self.answered.total() - before) / (time.monotonic() - began)
        await self._finish()
        return rate

    async def paced(self, rate: float, *, connections_max: int, until: asyncio.Event) -> None:
        """So many calls a second, whether or not the earlier ones are answered, on as many connections as it takes."""
        began, started = time.monotonic(), 0
        self._then = self._rest
        while not until.is_set():
            due = int((time.monotonic() - began) * rate)
            self._due += due - started
            started = due
            while self._due and self._idle:
                self._due -= 1
                self._next(self._idle.popleft())
            for _ in range(min(self._due, connections_max - self._open) - self._opening):
                self._start_one()
            self.late_most = max(self.late_most, self._due)
            await asyncio.sleep(TICK_SECONDS)
        await self._finish()

    def done(self, connection: "_Connection", kind: Kind, *, status: int, answer: bytearray) -> None:
        """An answer is whole, or as much of it as is wanted."""
        self._busy -= 1
        self.answered[kind.name] += 1
        if status != kind.status:
            code = CODE.search(answer)
            named = f"{status} {code[1].decode() if code else ''}".strip()
            if named == UNAVAILABLE:
                self.unavailable += 1
            else:
                self.wrong[f"{kind.name}: {named}"] += 1
        if not kind.leaves:
            self._then(connection)

    def lost(self, connection: "_Connection", kind: Kind | None) -> None:
        self._open -= 1
        if kind is not None:
            self._busy -= 1
            self.broken += 1
        if connection in self._idle:
            self._idle.remove(connection)
        if self._then == self._next:
            self._start_one()

    def _next(self, connection: "_Connection") -> None:
        kind = self._kinds[self._turn]
        self._turn = (self._turn + 1) % len(self._kinds)
        self._busy += 1
        connection.ask(kind)

    def _rest(self, connection: "_Connection") -> None:
        if self._due:
            self._due -= 1
            self._next(connection)
        else:
            self._idle.append(connection)

    def _start_one(self) -> None:
        self._open += 1
        self._opening += 1
        task = asyncio.create_task(self._connect())
        self._openers.add(task)
        task.add_done_callback(self._openers.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: _Connection(self), *self._address)
        except OSError:
            self._open -= 1
            self.broken += 1
        else:
            self._then(connection)
        finally:
            self._opening -= 1

    async def _finish(self) -> None:
        """Nothing new; what runs is waited for, what has no answer by then is broken."""
        self._then, self._due = self._idle.append, 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if not self._busy and not self._opening:
                break
            await asyncio.sleep(0.01)
        self.broken += self._busy
        self._busy = 0
        for connection in list(self._idle):
            connection.close()
        await asyncio.sleep(0.05)


class _Connection(asyncio.Protocol):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._transport: asyncio.Transport | None = None
        self._kind: Kind | None = None
        self._data = bytearray()
        self._status = 0
        self._length: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def ask(self, kind: Kind) -> None:
        self._kind, self._status, self._length = kind, 0, None
        self._data.clear()
        assert self._transport is not None
        self._transport.write(kind.request)

    def data_received(self, data: bytes) -> None:
        kind = self._kind
        if kind is None:
            return
        self._data += data
        if not self._status and not self._read_head():
            return
        if kind.leaves and self._status == kind.status:
            self._end(kind)
            self.close()
        elif self._length is None:
            if self._data.endswith(b"\r\n0\r\n\r\n"):
                self._end(kind)
        elif len(self._data) >= self._length:
            self._end(kind)

    def connection_lost(self, exc: Exception | None) -> None:
        self._traffic.lost(self, self._kind)
        self._kind = None

    def close(self) -> None:
        """At once, whatever is still to come."""
        assert self._transport is not None
        self._transport.abort()

    def _end(self, kind: Kind) -> None:
        self._kind = None
        self._traffic.done(self, kind, status=self._status, answer=self._data)

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._status = int(self._data[9:12])
        head = bytes(self._data[:end]).lower()
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self._length = end + 4 + int(head[at + 17 :].partition(b"\r\n")[0])
        return True
