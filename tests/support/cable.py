"""A cable between Packhouse and its PostgreSQL that can be cut: a relay on loopback, in a thread of its own."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Cut = Literal["refused", "silent"]
"""Connections end and no new one is taken, as where the server is down; or nothing comes through any more, as where
the network is."""


class Cable:
    """Relays to the database at `url`; `url` of its own is the same database through it."""

    def __init__(self, url: str) -> None:
        self._far = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._whole = asyncio.Event()
        self._cut: Cut | None = None
        self._open = set[asyncio.StreamWriter]()
        self._server = self._do(self._listen())
        port = self._server.sockets[0].getsockname()[1]
        user = self._far.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._far._replace(netloc=f"{user}@127.0.0.1:{port}"))

    def cut(self, how: Cut) -> None:
        self._do(self._set(how))

    def mend(self) -> None:
        self._do(self._set(None))

    def close(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> asyncio.Server:
        self._whole.set()
        return await asyncio.start_server(self._relay, "127.0.0.1", 0)

    async def _set(self, how: Cut | None) -> None:
        self._cut = how
        if how is None:
            self._whole.set()
            return
        self._whole.clear()
        if how == "refused":
            for writer in list(self._open):
                writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        await self._set("refused")

    async def _relay(self, near: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        if self._cut == "refused":
            answers.transport.abort()
            return
        far, questions = await asyncio.open_connection(self._far.hostname, self._far.port)
        self._open |= {answers, questions}
        await asyncio.gather(self._copy(near, questions), self._copy(far, answers))
        self._open -= {answers, questions}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if self._cut == "silent":
                    await self._whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextmanager
def cable(url: str) -> Generator[Cable]:
    made = Cable(url)
    try:
        yield made
    finally:
        made.close()
