"""Reads streams of providers in tasks of their own, so that a call can be read to its end without its client.

A provider that bills a whole answer, read or not, is drained when the client goes away: inside the hold, so that
what it reports is booked. Others are stopped.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import aclosing
from typing import Any, Generic, TypeVar

PIECES_AHEAD_MAX = 64
"""How far a provider may be ahead of its client, in pieces."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Pumps:
    """The tasks that read for clients, and for those that went away."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[Any]]()

    async def pieces(self, source: AsyncGenerator[Piece, None], *, drain: bool) -> AsyncGenerator[Piece, None]:
        """The source's pieces. Closing this lets the source be read to its end (`drain`), or ends it now."""
        flow = _Flow(source)
        task = self._start(flow.run())
        task.add_done_callback(flow.tell)
        try:
            while not await flow.ended(task):
                yield flow.take()
        finally:
            flow.leave()
            if not drain:
                await _cancelled(task)

    def whole(self, call: Coroutine[Any, Any, Result], *, drain: bool) -> Awaitable[Result]:
        """What the call comes to. Cancelling this lets the call come to its end (`drain`), or cancels it."""
        return asyncio.shield(self._start(call)) if drain else call

    async def close(self) -> None:
        """Ends what still runs, and waits until all of it is booked."""
        while self._tasks:
            await asyncio.gather(*map(_cancelled, tuple(self._tasks)))

    def _start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: a refusal that comes after its client went has nobody to hear it


async def _cancelled(task: asyncio.Task[Any]) -> None:
    await asyncio.sleep(0)  # what never began would never run what its end must do: book, release
    task.cancel()
    await asyncio.wait([task])


class _Flow(Generic[Piece]):
    """One source on its way to one client."""

    __slots__ = ("_ahead", "_left", "_news", "_room", "_source")

    def __init__(self, source: AsyncGenerator[Piece, None]) -> None:
        self._source = source
        self._ahead = deque[Piece]()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._left = False

    async def run(self) -> None:
        async with aclosing(self._source) as pieces:
            async for piece in pieces:
                if self._left:
                    continue
                self._ahead.append(piece)
                self._news.set()
                if len(self._ahead) >= PIECES_AHEAD_MAX:
                    self._room.clear()
                    await self._room.wait()

    async def ended(self, task: asyncio.Task[None]) -> bool:
        """Whether no piece is left; waits for the next one. Raises what ended the source."""
        while not self._ahead:
            if task.done():
                task.result()
                return True
            self._news.clear()
            await self._news.wait()
        return False

    def take(self) -> Piece:
        self._room.set()
        return self._ahead.popleft()

    def leave(self) -> None:
        """The client is gone: what waits for it is dropped, and what comes from now on."""
        self._left = True
        self._ahead.clear()
        self._room.set()

    def tell(self, _task: asyncio.Task[None]) -> None:
        self._news.set()
