"""A file in a knowledge base."""

import asyncio
import time
from collections.abc import Callable

from packhouse_connector.asynchronous.transport import AsyncTransport
from packhouse_connector.core import document
from packhouse_connector.core.document import Document, Ingestion, Progress
from packhouse_connector.core.knowledge_calls import Query


class AsyncDocumentHandle:
    """A document of a collection and, while it is taken in, its progress."""

    def __init__(self, transport: AsyncTransport, ingestion: Ingestion, *, query: Query) -> None:
        self._transport = transport
        self._ingestion = ingestion
        self._query = query
        self.duplicate = ingestion.duplicate
        """Whether the collection had the same bytes already; then this is the document they are in."""

    @property
    def id(self) -> str:
        return self.document.id

    @property
    def document(self) -> Document:
        """The document as it was when last looked at."""
        return self._ingestion.document

    @property
    def progress(self) -> Progress:
        """The progress when last looked at."""
        return self._ingestion.progress

    async def refresh(self) -> Document:
        """The document as it is now."""
        self._ingestion = await self._transport.run(document.look(self.id, self._query))
        return self.document

    async def wait(
        self, timeout_seconds: float = 600.0, progress: Callable[[Progress], None] | None = None
    ) -> Document:
        """Waits until the document can be searched. `progress` is called whenever there is some.

        Raises `DocumentFailed` where the file cannot be taken in, `WaitOver` where it takes longer.
        """
        ends = time.monotonic() + timeout_seconds
        seen = None
        for pause in document.pauses_seconds():
            if progress is not None and self.progress != seen:
                seen = self.progress
                progress(seen)
            if self._ingestion.over:
                break
            left = ends - time.monotonic()
            if left <= 0:
                raise document.wait_over(self._ingestion, timeout_seconds)
            await asyncio.sleep(min(pause, left))
            await self.refresh()
        return self.document

    async def delete(self) -> None:
        """Deletes the document with all its chunks."""
        await self._transport.run(document.remove(self.id, self._query))

    def __repr__(self) -> str:
        return f"<AsyncDocumentHandle {self.id} {self.document.state}>"
