"""What a simulator saw: counted for good, remembered for the last calls."""

from collections import Counter, deque
from typing import Literal

import msgspec

from packhouse.simulators.rules import Usage

Ended = Literal["whole", "fault", "client left"]


class SeenCall(msgspec.Struct, kw_only=True):
    """One request and how it ended. `usage` is what was reported to the client, nothing where it got no count."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    received_ns: int
    model: str = ""
    status: int = 0
    fault: str = ""
    usage: Usage = Usage()
    ended: Ended | None = None

    def json(self) -> object:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The counts, as `GET /_simulator/seen` answers them."""

    connections: int
    open_connections: int
    calls: int
    paths: dict[str, int]
    statuses: dict[str, int]
    usage: Usage
    last: list["LastCall"]


class LastCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call without its headers; its body where it was asked for."""

    method: str
    path: str
    model: str
    status: int
    fault: str
    usage: Usage
    ended: str | None
    body: msgspec.Raw = msgspec.Raw(b"null")


class Seen:
    """Counts and the last calls, oldest first."""

    def __init__(self, calls_max: int = 10_000) -> None:
        self.calls: deque[SeenCall] = deque(maxlen=calls_max)
        self.open_connections = 0
        self.reset()

    def reset(self) -> None:
        """Forgets what was seen; connections that are open stay counted as open."""
        self.calls.clear()
        self.connections = 0
        self.count = 0
        self.paths: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._usage = [0, 0, 0, 0]

    def add(self, call: SeenCall) -> None:
        self.calls.append(call)
        self.count += 1
        self.paths[call.path] += 1

    def end(self, call: SeenCall, ended: Ended) -> None:
        """A call is over. What was reported counts only once the client could have read it."""
        call.ended = ended
        self.statuses[call.status] += 1
        if ended != "whole":
            call.usage = Usage()
        usage = call.usage
        if usage.input or usage.output or usage.cache_read or usage.cache_write:
            parts = (usage.input, usage.output, usage.cache_read, usage.cache_write)
            self._usage = [sum(pair) for pair in zip(self._usage, parts, strict=True)]

    @property
    def last(self) -> SeenCall:
        """The newest call. Raises `IndexError` where there was none."""
        return self.calls[-1]

    @property
    def usage(self) -> Usage:
        """Everything that was reported to clients, summed up."""
        return Usage(input=self._usage[0], output=self._usage[1], cache_read=self._usage[2], cache_write=self._usage[3])

    def summary(self, *, bodies: bool = False, last: int = 100) -> Summary:
        newest = list(self.calls)[-last:] if last else []
        return Summary(
            connections=self.connections,
            open_connections=self.open_connections,
            calls=self.count,
            paths=dict(self.paths),
            statuses={str(status): count for status, count in self.statuses.items()},
            usage=self.usage,
            last=[_shown(call, bodies=bodies) for call in newest],
        )


def _shown(call: SeenCall, *, bodies: bool) -> LastCall:
    return LastCall(
        method=call.method,
        path=call.path,
        model=call.model,
        status=call.status,
        fault=call.fault,
        usage=call.usage,
        ended=call.ended,
        body=_raw(call.body) if bodies else msgspec.Raw(b"null"),
    )


def _raw(body: bytes) -> msgspec.Raw:
    try:
        return msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError:
        return msgspec.Raw(msgspec.json.encode(body.decode("utf-8", "replace")))
