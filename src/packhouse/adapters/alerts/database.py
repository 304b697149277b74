"""One connection and its thread, for the book of alerts and the outbox."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from packhouse.adapters.database.connection import Connection, Place, Row, connect

Result = TypeVar("Result")


class AlertDatabase:
    """Used by one event loop; each call is one transaction, or none where it only looks."""

    def __init__(self, place: Place) -> None:
        self._sql = connect(place, durable=True)  # an alert that was raised once is not raised again
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alerts")

    def close(self) -> None:
        self._thread.shutdown()
        self._sql.close()

    async def rows(self, statement: str, *values: object) -> list[Row]:
        return await self.work(lambda sql: sql.run(statement, values))

    async def work(self, work: Callable[[Connection], Result], *, turns: Sequence[str] = ()) -> Result:
        """With `turns`, in one transaction, after all others that have one of them."""

        def done() -> Result:
            if not turns:
                return work(self._sql)
            with self._sql.writing(turns):
                return work(self._sql)

        return await asyncio.get_running_loop().run_in_executor(self._thread, done)
