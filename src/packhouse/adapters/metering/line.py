"""The meter's line to its database: one thread, as its statements block."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from packhouse.domain.errors import Refused

ASK_SECONDS = 5.0
"""How long a call waits for the database."""
RETRY_AFTER_SECONDS = 2

Result = TypeVar("Result")


class Line:
    """Runs one piece of work after the other. `doubts` counts what was asked for and whose end was not learned."""

    def __init__(self) -> None:
        self.doubts = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="meter")
        self._begun_at: float | None = None

    async def run(self, work: Callable[[], Result]) -> Result:
        """As long as it takes."""
        loop = asyncio.get_running_loop()

        def timed() -> Result:
            self._begun_at = loop.time()
            try:
                return work()
            finally:
                self._begun_at = None

        return await loop.run_in_executor(self._thread, timed)

    async def ask(self, work: Callable[[], Result]) -> Result:
        """For a call, which does not wait for long. Refused(unavailable) where the database does not answer: at once
        where something has been waiting for it already."""
        begun_at = self._begun_at
        if begun_at is not None and asyncio.get_running_loop().time() - begun_at > ASK_SECONDS:
            raise away()
        try:
            async with asyncio.timeout(ASK_SECONDS):
                # within this task: answers are taken in the order in which the thread gave them, so that what a lease
                # saw and what was drained meanwhile fit together
                return await self.run(work)
        except TimeoutError:
            self.doubts += 1
            raise away() from None
        except Refused as refused:
            if refused.code != "unavailable":
                raise
            self.doubts += 1
            raise away() from refused
        except BaseException:
            self.doubts += 1
            raise

    def close(self) -> None:
        self._thread.shutdown()


def away() -> Refused:
    return Refused(
        "unavailable",
        "The database that keeps the quota cannot be reached, and the call needs it. Try again in a moment.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
