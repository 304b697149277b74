"""The upstream client: endpoints of providers, called for a whole answer or opened for a streamed one."""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from packhouse.adapters.models.http.connection import UpstreamConnection
from packhouse.adapters.models.http.limits import PoolLimits, Timeouts
from packhouse.adapters.models.http.pool import Pool
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.ports.models import Sent

Headers = tuple[tuple[bytes, bytes], ...]
_IDEMPOTENT = frozenset({"GET", "HEAD"})
_END_SECONDS = 1.0
_READ_BYTES_MAX = 16 * 1024 * 1024
_PORTS = {"http": 80, "https": 443}


class Answer(Content, frozen=True):
    """A whole answer; `header` finds one of its headers."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The header's value (`name` in lower case), the first of several, None where it is missing."""
        return _header(self.headers, name)


class UpstreamClient:
    """Keeps one pool of connections for each origin; `close` at the end.

    `ca_file` (PEM) replaces the system's certificate authorities. Nothing of a body is ever logged.
    """

    def __init__(self, *, limits: PoolLimits | None = None, ca_file: Path | None = None) -> None:
        self._limits = limits or PoolLimits()
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, str, int], Pool] = {}

    def endpoint(
        self, method: str, url: str, *, headers: Mapping[str, str], timeouts: Timeouts | None = None
    ) -> "Endpoint":
        """An endpoint at an http or https URL; `headers` go with each call. Does no I/O.

        Raises `Refused` `setting_invalid` where the URL cannot be one.
        """
        scheme, host, port, netloc, target = _split(url)
        if not all(_is_plain(text) for pair in headers.items() for text in pair):
            raise Refused("setting_invalid", "A header for a provider has a character that HTTP does not take.")
        lines = {"host": netloc, "accept-encoding": "identity"} | dict(headers)
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items())
        return Endpoint(
            self._pool((scheme, host, port)),
            head.encode("ascii"),
            repeatable=method in _IDEMPOTENT,
            timeouts=timeouts or Timeouts(),
        )

    def close(self) -> None:
        """Closes every connection; calls under way fail."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, origin: tuple[str, str, int]) -> Pool:
        if (pool := self._pools.get(origin)) is None:
            scheme, host, port = origin
            tls = self._context() if scheme == "https" else None
            pool = self._pools[origin] = Pool(host, port, tls=tls, limits=self._limits)
        return pool

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class Endpoint:
    """One method and URL of a provider.

    `sent` is called once, just before the first byte leaves; until then a call costs nothing and is repeated
    on a new connection where the kept one turns out closed. After it only GET and HEAD are repeated.
    Both verbs raise `Refused`: `provider_unreachable`, `provider_timeout`, `provider_cut`,
    `provider_malformed`, `unavailable`. Any HTTP status is an answer here, not an error.
    """

    def __init__(self, pool: Pool, head: bytes, *, repeatable: bool, timeouts: Timeouts) -> None:
        self._pool = pool
        self._head = head
        self._repeatable = repeatable
        self._timeouts = timeouts

    async def call(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> Answer:
        """Sends `body` and waits for the whole answer. Cancelling closes the connection."""
        connection = await self._exchange(body, sent, headers=headers, streaming=False)
        pieces = connection.pieces
        answer = Answer(
            connection.status,
            tuple(connection.headers),
            pieces[0] if len(pieces) == 1 else b"".join(pieces),
        )
        self._pool.give(connection)
        return answer

    def open(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> "Incoming":
        """An answer whose body is read as it comes: `async with endpoint.open(...) as incoming`."""
        return Incoming(self, body, sent=sent, headers=headers)

    async def begin(self, body: bytes, sent: Sent, *, headers: Headers) -> UpstreamConnection:
        """Sends and waits for the head of the answer; the connection goes back with `end`."""
        return await self._exchange(body, sent, headers=headers, streaming=True)

    def end(self, connection: UpstreamConnection, *, whole: bool) -> None:
        """Gives the connection back; `whole`: all that matters was read, its end may still be on its way."""
        if connection.complete or connection.lost or not whole:
            self._pool.give(connection)
        else:
            connection.leave(self._pool.give, within_seconds=_END_SECONDS)

    async def _exchange(self, body: bytes, sent: Sent, *, headers: Headers, streaming: bool) -> UpstreamConnection:
        more = b"".join([b"%b: %b\r\n" % header for header in headers]) if headers else b""
        head = b"%b%bcontent-length: %d\r\n\r\n" % (self._head, more, len(body))
        pool, told = self._pool, False
        while True:
            connection = pool.take_idle() or await pool.take(self._timeouts.connect_seconds)
            answered = False
            try:
                if not told:
                    told = True
                    sent()
                await connection.send(head, body, streaming=streaming, timeouts=self._timeouts)
                answered = True
            finally:
                if not answered:
                    connection.abort()
            if connection.error is None or connection.heard or not (connection.reused and self._repeatable):
                break
        _check(connection, streaming=streaming)
        return connection


class Incoming:
    """An answer on its way: `status` and `headers` are there on entering, the body is iterated or `read`.

    Leaving before the body's end closes the connection, unless `whole` was set to True: that says that what
    matters was read, and that the connection may be kept if the body ends within a second.
    """

    __slots__ = ("_arguments", "_connection", "_endpoint", "whole")

    def __init__(self, endpoint: Endpoint, body: bytes, *, sent: Sent, headers: Headers) -> None:
        self._endpoint = endpoint
        self._arguments: tuple[bytes, Sent, Headers] | None = (body, sent, headers)
        self._connection: UpstreamConnection | None = None
        self.whole = False

    @property
    def status(self) -> int:
        return self._entered.status

    def header(self, name: str) -> str | None:
        """As `Answer.header`."""
        return _header(self._entered.headers, name)

    async def read(self) -> bytes:
        """What is left of the body, whole; raises `Refused` `provider_malformed` past 16 MiB."""
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > _READ_BYTES_MAX:
                raise Refused("provider_malformed", "The model's provider answered more than is taken.")
        return bytes(body)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._entered.next_piece()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def __aenter__(self) -> Self:
        assert self._arguments is not None
        body, sent, headers = self._arguments
        self._arguments = None  # the request's body is not held while the answer streams
        self._connection = await self._endpoint.begin(body, sent, headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._endpoint.end(self._entered, whole=self.whole)

    @property
    def _entered(self) -> UpstreamConnection:
        assert self._connection is not None
        return self._connection


def _split(url: str) -> tuple[str, str, int, str, str]:
    """Scheme, host, port, what the host header says, and the target of the request line."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise Refused("setting_invalid", f"{url!r} is not a URL.") from error
    if not (port and parts.hostname and _is_plain(url)) or " " in url or parts.scheme not in _PORTS:
        raise Refused("setting_invalid", f"{url!r} is not an http or https URL.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port, parts.netloc.rpartition("@")[2], target


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _header(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    wanted = name.encode()
    return next((value.decode("latin-1") for given, value in headers if given.lower() == wanted), None)


def _check(connection: UpstreamConnection, *, streaming: bool) -> None:
    """Raises what went wrong. A streamed answer that breaks later says so when that place is read."""
    if connection.error is not None and not (streaming and connection.status):
        raise connection.error
    for name, value in connection.headers:
        if len(name) == 16 and name.lower() == b"content-encoding" and value.lower() != b"identity":
            connection.abort()
            raise Refused("provider_malformed", "The model's provider answered compressed, unasked.")
