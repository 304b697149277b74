"""One call to llama.cpp: it works in a thread, its events come out in the event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

from packhouse.adapters.models.local.llama import Chunk, Llama
from packhouse.domain.errors import Refused
from packhouse.ports.models import Sent


class _Turn:
    """The call's turn has come: the model is loaded and a slot is free."""


class Generation:
    """Runs once. What ends it early frees the slot after the token, or the part of the prompt, in work."""

    def __init__(self, llama: Llama, body: str) -> None:
        self._llama = llama
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._events = asyncio.Queue[Chunk | _Turn | BaseException | None]()
        self._may_begin = threading.Event()
        self._unwanted = False

    async def run(self, threads: ThreadPoolExecutor, sent: Sent) -> AsyncGenerator[Chunk, None]:
        """Events as they come. Raises what the thread raised."""
        try:
            future = threads.submit(self._work)
        except RuntimeError as error:
            raise Refused("unavailable", "The local text model is shutting down.") from error
        try:
            while (event := await self._events.get()) is not None:
                match event:
                    case Chunk():
                        yield event
                    case _Turn():
                        sent()
                        self._may_begin.set()
                    case _:
                        raise event
        finally:
            self._unwanted = True
            self._may_begin.set()
            future.cancel()

    def _work(self) -> None:
        try:
            self._llama.load()
            if self._post(_Turn()):
                self._may_begin.wait()
            if not self._unwanted:
                self._llama.generate(self._body, self._take)
        except BaseException as error:
            self._post(error)
            if not isinstance(error, Refused):
                raise
            return
        self._post(None)

    def _take(self, chunk: Chunk) -> bool:
        if self._unwanted:
            return False
        self._post(chunk)
        return True

    def _post(self, event: Chunk | _Turn | BaseException | None) -> bool:
        """Whether anybody is there to take it: the event loop may have gone, with whoever waited."""
        try:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        except RuntimeError:
            self._unwanted = True
        return not self._unwanted
