"""The HTTP level of the connector's test gateway: requests seen, replies given, mishaps on demand."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; header names in lower case, `raw_path` still percent-encoded."""

    method: str
    raw_path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(unquote(part) for part in self.raw_path.strip("/").split("/"))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes back: `body` as JSON (bytes as they are), or `events` one after the other.

    Mishaps: `drop` hangs up without a word, `cut` hangs up before the end, `stall` says nothing at all.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    events: tuple[bytes, ...] | None = None
    mishap: str = ""


class Refusal(Exception):
    """A no, in the shape that both dialects of the gateway share."""

    def __init__(self, status: int, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"error": {"message": message, "code": code, **facts}})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    answer: Callable[[Seen], Reply]
    released: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        seen = Seen(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("content-length") or 0)),
        )
        reply = self.server.answer(seen)
        if reply.mishap == "stall":
            self.server.released.wait()
        if reply.mishap in ("drop", "stall"):
            self.close_connection = True
        elif reply.events is None:
            self._whole(reply)
        else:
            self._stream(reply, reply.events)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def _head(self, reply: Reply, headers: dict[str, str]) -> None:
        self.send_response(reply.status)
        for name, value in {"x-request-id": "req_test", **headers, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _whole(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self._head(reply, {"content-type": "application/json", "content-length": str(len(body))})
        self.wfile.write(body[: len(body) // 2] if reply.mishap == "cut" else body)
        self.close_connection = reply.mishap == "cut"

    def _stream(self, reply: Reply, events: tuple[bytes, ...]) -> None:
        self._head(reply, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for event in events:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        if reply.mishap == "cut":
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""


@contextmanager
def serving(answer: Callable[[Seen], Reply]) -> Generator[str]:
    """A server on a free port of the loopback; its URL."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answer = answer
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
