"""HTTP by hand, for tests of what stands on the wire: bytes go out as given, answers are read to their end."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

SECONDS = 10.0
"""Longer than anything takes; a test that waits for so long has failed."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """One connection to a server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def flush(self) -> None:
        await asyncio.wait_for(self._writer.drain(), SECONDS)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer, names in lower case."""
        data = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), SECONDS)
        first, *lines = data.decode("latin-1").strip().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, value in pairs}

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty at its end."""
        size = int(await asyncio.wait_for(self._reader.readline(), SECONDS), 16)
        return (await asyncio.wait_for(self._reader.readexactly(size + 2), SECONDS))[:-2]

    async def answer(self, *, bodiless: bool = False) -> RawAnswer:
        status, headers = await self.head()
        if bodiless:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while piece := await self.chunk():
                body += piece
        elif "content-length" in headers:
            body = await asyncio.wait_for(self._reader.readexactly(int(headers["content-length"])), SECONDS)
        else:
            body = await self.rest()
        return RawAnswer(status, headers, body)

    async def request(self) -> bytes:
        """The bytes of the next request with a length, head and body."""
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), SECONDS)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        return head + await asyncio.wait_for(self._reader.readexactly(length), SECONDS)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        return await asyncio.wait_for(self._reader.read(), SECONDS)

    async def is_closed(self) -> bool:
        """Waits until the server has closed without another byte."""
        try:
            return await self.rest() == b""
        except ConnectionError:
            return True

    def abort(self) -> None:
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[RawClient]:
    client = RawClient(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        client.close()


Serve = Callable[[RawClient], Awaitable[None]]


@asynccontextmanager
async def raw_server(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """A server whose every connection runs `serve` and is closed after it; yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(RawClient(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has had enough
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()


async def until(reached: Callable[[], bool]) -> None:
    """Waits until `reached` is true."""
    for _ in range(int(SECONDS / 0.002)):
        if reached():
            return
        await asyncio.sleep(0.002)
    raise TimeoutError
