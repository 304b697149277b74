"""Bytes in, whole requests out: HTTP/1.1 as a server reads it, without any I/O.

httptools (llhttp, every leniency off) refuses bare line feeds, folded headers, and a length together with a
transfer coding. Here the rest is refused that lets two readers of the same bytes disagree: transfer codings
other than `chunked`, a missing or repeated host, other versions than 1.0 and 1.1.
"""

import itertools
import re
import secrets
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import msgspec
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Request
from packhouse.entrypoints.gateway.limits import Limits

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ONCE = frozenset({"host", "content-length", "transfer-encoding", "expect", "authorization"})


class RequestIds:
    """Ids for requests that bring none: random for each process, then counted; unique and cheap."""

    def __init__(self) -> None:
        self._start = f"req_{secrets.token_hex(8)}-"
        self._count = itertools.count(1)

    def new(self) -> str:
        return f"{self._start}{next(self._count)}"


class Turn(msgspec.Struct, eq=False):
    """One request in its connection's order; `refused` instead of a handled request ends the connection.

    `keep_alive`: the client would send another. `old`: HTTP/1.0, which knows no chunks. `early`: it is answered
    without its body, which the client may still be sending.
    """

    request: Request
    keep_alive: bool
    old: bool
    refused: Refused | None = None
    early: bool = False


class Intake:
    """Reads one connection's requests; `on_turn` gets each whole one, `on_large` each that expects a 100 or
    whose body is or becomes large, as soon as that is known: as an early turn.

    `feed` raises `Refused` where the bytes cannot or may not be read; nothing may be fed after that.
    `partial`: a request has begun and is not complete; `in_body`: its head is.
    """

    __slots__ = (
        "_chunks",
        "_fresh",
        "_headers",
        "_idle_bytes",
        "_ids",
        "_large",
        "_limits",
        "_on_large",
        "_on_turn",
        "_parser",
        "_raw",
        "_size",
        "_upgrading",
        "_url",
        "in_body",
        "partial",
    )

    def __init__(
        self,
        limits: Limits,
        ids: RequestIds,
        *,
        on_turn: Callable[[Turn], None],
        on_large: Callable[[Turn], None],
    ) -> None:
        self._limits = limits
        self._ids = ids
        self._on_turn = on_turn
        self._on_large = on_large
        self._parser = HttpRequestParser(self)
        self._upgrading = False
        self.on_message_begin()
        self.partial = False

    def feed(self, data: bytes) -> None:
        size = self._size
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._without_upgrade(data[upgrade.args[0] :])
        except HttpParserCallbackError as error:
            if isinstance(error.__context__, Refused):
                raise error.__context__ from None
            raise
        except HttpParserError as error:
            raise _malformed(str(error)) from error
        if self.partial:
            self._watch(len(data), self._size - size)

    def refusal(self, refused: Refused) -> Turn:
        """The turn that answers what could not be read; of its target what came in one piece with the method."""
        path = self._url.partition(b"?")[0].decode("latin-1")
        request = Request("GET", path, "", self._headers, b"", self._request_id())
        return Turn(request, keep_alive=False, old=False, refused=refused)

    def close(self) -> None:
        """Lets go of the parser, which holds this object in a circle."""
        del self._parser, self._on_turn, self._on_large

    # what httptools calls

    def on_message_begin(self) -> None:
        self._url = b""
        self._raw: list[tuple[bytes, bytes]] = []
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = 0
        self._idle_bytes = 0
        self._fresh = True
        self._large = False
        self.in_body = False
        self.partial = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:  # else a trailer: what was decided by the head stays decided
            self._raw.append((name, value))

    def on_headers_complete(self) -> None:
        headers = self._read_headers()
        if self._parser.should_upgrade():
            self._upgrading = True
            if self._parser.get_method() == b"CONNECT":
                raise _malformed("CONNECT is for proxies; this is none.")
            return
        self.in_body = True
        if "transfer-encoding" in headers or "host" not in headers:
            self._check_framing()
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused("encoding_unsupported", "Send the body as it is: content encodings are not taken here.")
        size = int(headers.get("content-length", "0"))
        if size > self._limits.body_bytes_max:
            raise self._too_large()
        if "expect" in headers:
            self._expect(headers["expect"])
        elif size > self._limits.unasked_body_bytes_max:
            self._announce()

    def on_body(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limits.body_bytes_max:
            raise self._too_large()
        if self._size > self._limits.unasked_body_bytes_max and not self._large:
            self._announce()
        self._chunks.append(piece)

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        self.partial = self.in_body = False
        parser, chunks = self._parser, self._chunks
        request = self._request(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        keep_alive = parser.should_keep_alive()
        # Without a connection header only HTTP/1.1 is kept alive: the version need not be asked for.
        old = not (keep_alive and "connection" not in self._headers) and self._is_old()
        self._on_turn(Turn(request, keep_alive=keep_alive, old=old))

    # the rest

    def _request(self, body: bytes) -> Request:
        path, query = _TARGETS.get(self._url) or _target(self._url)
        return Request(
            _METHODS.get(method := self._parser.get_method()) or method.decode(),
            path,
            query,
            self._headers,
            body,
            self._request_id() if "x-request-id" in self._headers else self._ids.new(),
        )

    def _announce(self) -> None:
        self._large = True
        self._on_large(Turn(self._request(b""), keep_alive=False, old=self._is_old(), early=True))

    def _read_headers(self) -> dict[str, str]:
        headers, size = self._headers, len(self._url)
        for name, value in self._raw:
            size += len(name) + len(value) + 4
            key = _NAMES.get(name) or _remember(name)
            if key not in headers:
                headers[key] = value.decode("latin-1")
            elif key in _ONCE:
                raise _malformed(f"The header {key} may stand only once.")
            else:
                headers[key] = f"{headers[key]}, {value.decode('latin-1')}"
        if size > self._limits.head_bytes_max:
            self._check_head(size)
        return headers

    def _watch(self, fed_bytes: int, body_bytes: int) -> None:
        """Bounds what is fed without bringing body: the parser keeps an unfinished header to itself."""
        if self._fresh:
            self._fresh = False  # the request before this one may have been in these bytes too
        elif body_bytes > 0:
            self._idle_bytes = 0
        else:
            self._idle_bytes += fed_bytes
            self._check_head(self._idle_bytes)

    def _check_head(self, size: int) -> None:
        if size > (limit := self._limits.head_bytes_max):
            raise Refused("headers_too_large", f"The request line and headers are over {limit} bytes.")

    def _is_old(self) -> bool:
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise _malformed("Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        return version == "1.0"

    def _check_framing(self) -> None:
        headers, old = self._headers, self._is_old()
        if "host" not in headers and not old:
            raise _malformed("The request has no host header.")
        coding = headers.get("transfer-encoding")
        if coding is not None and (old or coding.lower() != "chunked"):
            raise _malformed("The only transfer coding taken is chunked, in HTTP/1.1.")

    def _expect(self, expectation: str) -> None:
        if expectation.lower() != "100-continue":
            raise _malformed("The only expectation known is 100-continue.")
        self._announce()

    def _request_id(self) -> str:
        given = self._headers.get("x-request-id")
        if given is not None and _SANE_ID.fullmatch(given):
            return given
        return self._ids.new()

    def _too_large(self) -> Refused:
        limit = self._limits.body_bytes_max
        return Refused("body_too_large", f"The request body is over {limit} bytes.", bytes_max=limit)

    def _without_upgrade(self, rest: bytes) -> None:
        """Reads a request that offers another protocol as if it did not.

        A parser that saw the offer skips the body, so a new one gets the head again without it. Java's
        client offers h2c with its first request to every plain address.
        """
        self._upgrading = False
        headers = (f"{name}: {value}\r\n" for name, value in self._headers.items() if name != "upgrade")
        head = f"{self._parser.get_method().decode()} {self._url.decode()} HTTP/1.1\r\n{''.join(headers)}\r\n"
        self._parser = HttpRequestParser(self)
        self.feed(head.encode("latin-1") + rest)


_METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}
_NAMES: dict[bytes, str] = {}
_NAMES_MAX = 1024
_TARGETS: dict[bytes, tuple[str, str]] = {}
_TARGET_BYTES_MAX = 64


def _remember(name: bytes) -> str:
    """The lower-case name; the first thousand spellings are kept, since clients repeat themselves."""
    key = name.decode("latin-1").lower()
    if len(_NAMES) < _NAMES_MAX:
        _NAMES[name] = key
    return key


def _target(url: bytes) -> tuple[str, str]:
    """Path and query of a request's target; the first thousand short ones without a query are kept."""
    path, mark, query = url.partition(b"?")
    if b"%" in path or path[:1] != b"/":
        path = _plain_path(path)
    target = path.decode(), query.decode("latin-1")
    if not mark and len(url) <= _TARGET_BYTES_MAX and len(_TARGETS) < _NAMES_MAX:
        _TARGETS[url] = target
    return target


def _plain_path(path: bytes) -> bytes:
    """The percent-decoded path of a target that may be absolute (`http://host/path`)."""
    if path[:1] != b"/":
        _, mark, rest = path.partition(b"://")
        path = b"/" + rest.partition(b"/")[2] if mark else path
    decoded = unquote_to_bytes(path)
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        raise _malformed("The path is not UTF-8.") from error
    if decoded[:1] != b"/" and decoded != b"*":
        raise _malformed("The request target is not a path.")
    return decoded


def _malformed(message: str) -> Refused:
    return Refused("malformed_http", message)
