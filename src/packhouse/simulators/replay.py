"""Recorded exchanges, served again: the answer whose request is the same, or whose id a header names."""

import base64
import gzip
import json
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from packhouse.simulators.http import BEAT, Reply, Request

RECORDED_HEADER = "x-simulator-recorded"
"""Names the exchange to answer with, by its `id`, whatever the request says."""


class Exchange(msgspec.Struct, frozen=True):
    """One line of a recording (JSON lines, plain or gzipped)."""

    id: str
    method: str
    path: str
    request: Any
    status: int
    headers: dict[str, str]
    response: dict[str, Any]


class ReplayUnreadable(ValueError):
    """A recording that is none."""


class UnknownExchange(ValueError):
    """An id that the recording does not have."""


class Replay:
    """The exchanges of one file. The same request several times gives its answers in turn, then the last again."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self._by_id = {it.id: it for it in exchanges}
        self._by_request: dict[tuple[str, str, bytes], list[Exchange]] = {}
        for it in exchanges:
            self._by_request.setdefault((it.method, it.path, _canonical(it.request)), []).append(it)
        self._next: deque[Exchange] = deque()

    def next(self, *ids: str) -> None:
        """The next calls are answered with these exchanges, whatever they say. Raises `UnknownExchange`."""
        unknown = [id_ for id_ in ids if id_ not in self._by_id]
        if unknown:
            raise UnknownExchange(f"no such exchange: {', '.join(unknown)}")
        self._next.extend(self._by_id[id_] for id_ in ids)

    def find(self, request: Request) -> Reply | None:
        """The recorded answer; None where there is none."""
        if self._next:
            return _reply(self._next.popleft())
        named = request.header(RECORDED_HEADER)
        if named:
            exchange = self._by_id.get(named)
            return _reply(exchange) if exchange else None
        try:
            body = msgspec.json.decode(request.body) if request.body else None
        except msgspec.DecodeError:
            return None
        found = self._by_request.get((request.method, request.route, _canonical(body)))
        if not found:
            return None
        return _reply(found.pop(0) if len(found) > 1 else found[0])


def load_replay(path: Path) -> Replay:
    """Raises `ReplayUnreadable`."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        return Replay([msgspec.json.decode(line, type=Exchange) for line in data.splitlines() if line.strip()])
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise ReplayUnreadable(f"{path}: {error}") from error


def _canonical(body: Any) -> bytes:
    """Bodies are the same if they say the same: order and what is null do not count."""
    return msgspec.json.encode(_without_nulls(body), order="deterministic")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return {key: _without_nulls(it) for key, it in known.items() if it is not None}
    if isinstance(value, list):
        return [_without_nulls(it) for it in cast("list[Any]", value)]
    return value


def _reply(exchange: Exchange) -> Reply:
    headers = tuple(exchange.headers.items())
    response = exchange.response
    if "json" in response:
        # As Python's own library writes it: floats of a recording stay as they were.
        return Reply(exchange.status, headers, json.dumps(response["json"], ensure_ascii=False).encode())
    data = response["text"].encode() if "text" in response else base64.b64decode(response["base64"])
    kind = exchange.headers.get("content-type", "")
    if "stream" not in kind:
        return Reply(exchange.status, headers, data)
    return Reply(exchange.status, headers, frames=_pieces(data, kind))


def _pieces(data: bytes, kind: str) -> Iterator[bytes]:
    """One event each: a frame of an AWS stream, or a server-sent event."""
    start = 0
    while start < len(data):
        end = _frame_end(data, start) if "amazon" in kind else data.find(b"\n\n", start) + 2
        end = end if start < end <= len(data) else len(data)
        yield BEAT
        yield data[start:end]
        start = end


def _frame_end(data: bytes, start: int) -> int:
    return start + int.from_bytes(data[start : start + 4], "big")
