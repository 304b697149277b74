"""How an answer leaves: at its pace, and with the fault that was asked for."""

import asyncio
from typing import Literal, Protocol

import msgspec

from packhouse.simulators.dialect import Dialect
from packhouse.simulators.http import BEAT, Reply
from packhouse.simulators.rules import Fault, Place
from packhouse.simulators.seen import SeenCall

_SPOILS = ("malformed", "crc", "truncated")
_CUTS = ("stall", "close", "reset")
_BATCH_BYTES = 16_384


class Cut(Exception):
    """The connection ends here."""

    def __init__(self, how: Literal["close", "reset"]) -> None:
        super().__init__(how)
        self.how: Literal["close", "reset"] = how


class Out(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> None: ...

    async def ready(self) -> None:
        """Waits until the client has taken what was written."""
        ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, with what happens to it on its way. `seen` is None for the simulator's own pages.

    `each_at_once`: pieces are not gathered, even if nothing stands between them.
    """

    reply: Reply
    dialect: Dialect
    seen: SeenCall | None = None
    fault: Fault | None = None
    first_delay_seconds: float = 0.0
    piece_delay_seconds: float = 0.0
    each_at_once: bool = False

    @property
    def at_once(self) -> bool:
        """Whether the whole reply can be written without waiting for anything."""
        return self.fault is None and self.reply.frames is None and not self.first_delay_seconds


def head(reply: Reply, ends: str) -> bytes:
    """Status line and headers; `ends` says where the body ends."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in reply.headers])
    return f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}\r\n{lines}{ends}\r\n\r\n".encode()


def whole(reply: Reply) -> bytes:
    """Head and body."""
    return head(reply, f"content-length: {len(reply.body)}") + reply.body


async def deliver(out: Out, delivery: Delivery) -> None:
    """Writes the reply. Raises `Cut` where the connection is to end."""
    await _strike(delivery.fault, "head")
    if delivery.reply.frames is None:
        await _deliver_whole(out, delivery)
    else:
        await _Stream(out, delivery).run()


async def _deliver_whole(out: Out, delivery: Delivery) -> None:
    reply, fault = delivery.reply, delivery.fault
    if delivery.first_delay_seconds:
        await asyncio.sleep(delivery.first_delay_seconds)
    body = reply.body
    if fault and fault.kind in _SPOILS:
        body = body[: len(body) // 2] if fault.kind == "truncated" else b"<html>no JSON</html>"
    out.write(head(reply, f"content-length: {len(body)}"))
    await _strike(fault, "first")
    if fault and fault.kind in _CUTS and fault.at == "middle":
        out.write(body[: len(body) // 2])
        await _strike(fault, "middle")
        body = body[len(body) // 2 :]
    out.write(body)
    await out.ready()


class _Stream:
    """Writes the frames of one reply."""

    def __init__(self, out: Out, delivery: Delivery) -> None:
        self._out = out
        self._delivery = delivery
        self._fault = delivery.fault
        self._due = 0 if self._fault is None or self._fault.at != "middle" else self._fault.after_pieces
        self._struck = self._fault is None or self._fault.kind == "status"
        self._spoils_next = False
        self._pieces = 0
        paced = delivery.piece_delay_seconds or delivery.first_delay_seconds or delivery.each_at_once
        self._waits = bool(paced or self._fault)
        self._unsent = bytearray()

    async def run(self) -> None:
        frames = self._delivery.reply.frames
        assert frames is not None
        self._out.write(head(self._delivery.reply, "transfer-encoding: chunked"))
        for frame in frames:
            if frame != BEAT:
                await self._send(frame)
            elif self._waits and await self._beat():
                break
        else:
            if not self._struck:
                await self._happen()
        self._flush()
        self._out.write(b"0\r\n\r\n")
        await self._out.ready()

    async def _send(self, frame: bytes) -> None:
        if self._spoils_next and self._fault is not None:
            frame, self._spoils_next = self._delivery.dialect.spoil(frame, self._fault), False
        self._unsent += b"%x\r\n%b\r\n" % (len(frame), frame)
        if len(self._unsent) > _BATCH_BYTES:
            self._flush()
            await self._out.ready()

    async def _beat(self) -> bool:
        """Before a piece: waits, and lets happen what is due. True: nothing more comes."""
        self._flush()
        delivery, first = self._delivery, self._pieces == 0
        if pause := delivery.first_delay_seconds if first else delivery.piece_delay_seconds:
            await asyncio.sleep(pause)
        await self._out.ready()
        ended = False
        if not self._struck and self._pieces >= self._due:
            ended = await self._happen()
        self._pieces += 1
        return ended

    async def _happen(self) -> bool:
        fault, self._struck = self._fault, True
        assert fault is not None
        self._flush()
        if fault.kind in _SPOILS:
            self._spoils_next = True
        elif fault.kind == "event":
            await self._send(self._delivery.dialect.event(fault))
            return True
        elif fault.at != "head":
            await _strike(fault, fault.at)
        return False

    def _flush(self) -> None:
        if self._unsent:
            self._out.write(bytes(self._unsent))
            self._unsent.clear()


async def _strike(fault: Fault | None, place: Place) -> None:
    if fault is None or fault.at != place:
        return
    match fault.kind:
        case "stall":
            await asyncio.sleep(fault.seconds)
        case "close" | "reset":
            raise Cut(fault.kind)
        case _:
            pass


_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 413: "Payload Too Large", 422: "Unprocessable Entity", 424: "Failed Dependency",
    429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable", 529: "Overloaded",
}  # fmt: skip
