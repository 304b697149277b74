"""Requests as they came in and replies as they go out, for every provider's server."""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

import msgspec

BEAT = b""
"""In a stream: a content piece follows. Delays are taken here, and faults of the middle happen here."""

JSON_HEADERS = (("content-type", "application/json"),)


class Request(msgspec.Struct, frozen=True):
    """One request. `path` and `query` are as the client wrote them; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """The path with its percent escapes taken away."""
        return unquote(self.path) if "%" in self.path else self.path

    def header(self, name: str) -> str:
        """A header's value; empty where it was not sent."""
        return self.headers.get(name, "")


class Reply(msgspec.Struct, frozen=True):
    """A status, headers and either a whole body or the frames of a stream, made one by one as they are sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = JSON_HEADERS
    body: bytes = b""
    frames: Iterator[bytes] | None = None


def json_reply(value: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """`value` as a JSON body."""
    return Reply(status, (*JSON_HEADERS, *headers), msgspec.json.encode(value))
