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
        method, _, rest = head.partition(b" ")
        status, body = self._said(rest.partition(b" ")[0])
        if method not in (b"GET", b"HEAD"):
            status, body = b"405 Method Not Allowed\r\nallow: GET, HEAD", b'{"status":"unknown"}'
        fields = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close" % len(body)
        return b"HTTP/1.1 %b\r\n%b\r\n\r\n" % (status, fields) + (body if method != b"HEAD" else b"")

    def _said(self, path: bytes) -> tuple[bytes, bytes]:
        if path == b"/healthz":
            return b"200 OK", b'{"status":"alive"}'
        if path != b"/readyz":
            return b"404 Not Found", b'{"status":"unknown"}'
        if self._ready():
            return b"200 OK", b'{"status":"ready"}'
        return b"503 Service Unavailable", b'{"status":"draining"}'
