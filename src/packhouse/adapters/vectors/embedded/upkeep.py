"""When tables are tidied: after many commits, some seconds after the last write, and once old versions are old."""

import asyncio
import sqlite3
from collections.abc import Callable

import structlog

from packhouse.adapters.vectors.embedded.threads import apart
from packhouse.adapters.vectors.embedded.tidy import KEPT_FOR, Tidier
from packhouse.domain.errors import Refused
from packhouse.domain.units import CollectionId

COMMITS_MAX = 64
"""After so many commits a table is tidied at once."""

COMMITS_WORTH_IT = 10
"""With fewer a table is left alone when it falls quiet."""

QUIET_SECONDS = 5.0

log = structlog.get_logger()


class Upkeep:
    """Of one knowledge base, in one process. Belongs to the event loop that calls it."""

    def __init__(self, tidier: Tidier, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._tidier = tidier
        self._quiet_seconds = quiet_seconds
        self._timers = dict[CollectionId, asyncio.TimerHandle]()
        self._running = dict[CollectionId, asyncio.Task[None]]()

    def written(self, collection_id: CollectionId, commits: int) -> None:
        """A commit was made; `commits` is how many there are since the table was tidied."""
        if commits >= COMMITS_MAX:
            self._start(collection_id)
        elif commits >= COMMITS_WORTH_IT:
            self._later(collection_id, self._quiet_seconds)

    async def tidy(self, collection_id: CollectionId) -> None:
        """Now, unless another process is at it."""
        await asyncio.wrap_future(apart(lambda: self._tidier.tidy(collection_id)))

    async def close(self, seconds: float = 1.0) -> None:
        """What runs still after so many seconds is left to its thread: killing it harms nothing."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=seconds)
        for task in running:
            task.cancel()

    def _later(self, collection_id: CollectionId, seconds: float) -> None:
        if (timer := self._timers.pop(collection_id, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[collection_id] = loop.call_later(seconds, self._start, collection_id)

    def _start(self, collection_id: CollectionId) -> None:
        if collection_id in self._running:
            return
        if (timer := self._timers.pop(collection_id, None)) is not None:
            timer.cancel()
        task = asyncio.get_running_loop().create_task(self._tidied(collection_id))
        self._running[collection_id] = task
        task.add_done_callback(lambda _: self._running.pop(collection_id, None))

    async def _tidied(self, collection_id: CollectionId) -> None:
        """Once more later where old versions remain: they are dropped when nobody can read them any more."""
        try:
            remaining = await asyncio.wrap_future(apart(self._work(collection_id)))
        except (Refused, OSError, sqlite3.Error) as error:
            log.warning("vectors_not_tidied", collection_id=collection_id, error=type(error).__name__)
            return
        if remaining > 1:
            self._later(collection_id, KEPT_FOR.total_seconds() + 10)

    def _work(self, collection_id: CollectionId) -> Callable[[], int]:
        def work() -> int:
            return self._tidier.versions(collection_id) if self._tidier.tidy(collection_id) else 0

        return work
