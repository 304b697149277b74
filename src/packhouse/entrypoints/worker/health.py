"""`/healthz` and `/readyz` of the worker: two answers do not need a web server."""

import asyncio
from collections.abc import Callable

READ_SECONDS = 5.0


class WorkerHealth:
    """Answers one request a connection."""

    def __init__(self, *, ready: Callable[[], bool]) -> None:
        self._ready = ready

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._reply(head))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    def _reply(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1] if head.count(b" ") >= 2 else b""
        if path == b"/healthz":
            return _response(b"200 OK", b'{"status":"alive"}')
        if path == b"/readyz":
            if self._ready():
                return _response(b"200 OK", b'{"status":"ready"}')
            return _response(b"503 Service Unavailable", b'{"status":"draining"}')
        return _response(b"404 Not Found", b'{"status":"unknown"}')


def _response(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, len(body)) + body
