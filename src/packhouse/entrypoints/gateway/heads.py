"""Response heads and the errors of the HTTP level itself.

Where nobody says who writes refusals they go out in OpenAI's shape.
"""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Reply
from packhouse.ports.outside import Clock

STATUS_OF = {
    "malformed_http": 400,
    "request_timeout": 408,
    "body_too_large": 413,
    "encoding_unsupported": 415,
    "headers_too_large": 431,
    "internal": 500,
}
"""Codes of this level, which routes may refuse with too."""

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}
"""Some providers' dialects have statuses of their own."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Error(msgspec.Struct, frozen=True):
    message: str
    type: str
    code: str
    param: None = None


def error_reply(refused: Refused) -> Reply:
    """The reply to a request that ended before any route saw it, or that broke one."""
    status = STATUS_OF[refused.code]
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = _Error(refused.message, kind, refused.code)
    return Reply(status, msgspec.json.encode({"error": error}))


class Heads:
    """Makes response heads; what stays the same within a second is made once a second."""

    def __init__(self, clock: Clock, loop_time: Callable[[], float]) -> None:
        self._clock = clock
        self._loop_time = loop_time
        self._starts: dict[tuple[int, bytes | None], bytes] = {}
        self._until = 0.0

    def head(self, reply: Reply, request_id: str, *, ends: bytes, old: bool, close: bool) -> bytes:
        """The head of `reply` with its empty line. `ends` says how the body ends: a whole header line.

        `close`: nothing follows on this connection. `old`: the client speaks HTTP/1.0.
        """
        if (now := self._loop_time()) >= self._until:
            self._until = now + 1.0
            self._starts.clear()
        kind = (reply.status, reply.content_type)
        start = self._starts.get(kind) or self._start(kind)
        more = b"connection: close\r\n" if close else b"connection: keep-alive\r\n" if old else b""
        if reply.headers:
            more += _lines(reply)
        return b"".join((start, request_id.encode(), b"\r\n", ends, more, reply.lines, b"\r\n"))

    def _start(self, kind: tuple[int, bytes | None]) -> bytes:
        status, content_type = kind
        reason = _REASONS.get(status, "")
        now = self._clock.now()
        day = f"{_DAYS[now.weekday()]}, {now.day:02d} {_MONTHS[now.month - 1]} {now.year}"
        start = f"HTTP/1.1 {status} {reason}\r\ndate: {day} {now:%H:%M:%S} GMT\r\n".encode()
        if content_type is not None:
            start += b"content-type: " + content_type + b"\r\n"
        self._starts[kind] = start = start + b"x-request-id: "
        return start


def _lines(reply: Reply) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in reply.headers])
    assert lines.count(b"\n") == len(reply.headers), "a header has a line break in it"
    return lines
