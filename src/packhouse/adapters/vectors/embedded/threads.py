"""The engine's own threads: nothing of it blocks an event loop, and no kind of call waits for a slower kind."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Literal, ParamSpec, TypeVar

from packhouse.domain.errors import Refused

Kind = Literal["lists", "reads", "writes"]

THREADS: dict[Kind, int] = {"lists": 2, "reads": 4, "writes": 4}

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """`lists` never load LanceDB; `reads` and `writes` do."""

    def __init__(self) -> None:
        self._pools = {kind: ThreadPoolExecutor(size, f"vectors-{kind}") for kind, size in THREADS.items()}

    async def run(self, kind: Kind, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        future = self._pools[kind].submit(work, *args, **kwargs)
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Waits for what runs."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in self._pools.values():
            await asyncio.to_thread(pool.shutdown)


def apart(work: Callable[[], T]) -> "Future[T]":
    """Runs in a thread that does not keep the process from ending: for work that may be cut off at any point."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except (Refused, OSError, sqlite3.Error) as error:
            future.set_exception(error)
        finally:
            if not future.done():
                future.cancel()

    Thread(target=run, name="vectors-upkeep", daemon=True).start()
    return future
