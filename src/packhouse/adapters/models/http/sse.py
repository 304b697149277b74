"""Server-sent events, decoded as their bytes come: an event is handed on with the byte that completes it."""

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

_EVENT_BYTES_MAX = 16 * 1024 * 1024
_MARK = b"\xef\xbb\xbf"


class SseEvent(Content, frozen=True):
    """`data` has its lines joined by line feeds; `event` is empty where the server named none."""

    data: bytes
    event: bytes = b""


class SseDecoder:
    """Takes pieces cut anywhere, inside a character or a line end too; takes CRLF, LF and CR as line ends.

    Comments, `id`, `retry` and events without data are dropped. An event that the stream's end cuts short is
    never handed on. Raises `Refused` `provider_malformed` where an event grows past 16 MiB.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_cr = False
        self._at_start = True

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that `piece` completes, in order."""
        if self._after_cr or b"\r" in piece:
            piece = self._with_line_feeds(piece)
        seen = 0 if self._at_start else max(len(self._rest) - 1, 0)
        self._rest += piece
        if self._at_start and not self._past_mark():
            return []
        events: list[SseEvent] = []
        start = 0
        while (end := self._rest.find(b"\n\n", max(start, seen))) >= 0:
            if end > start and (event := _event(bytes(self._rest[start:end]))) is not None:
                events.append(event)
            start = end + 2
        if start:
            del self._rest[:start]
        if len(self._rest) > _EVENT_BYTES_MAX:
            raise Refused("provider_malformed", "The model's provider sent an event that is too large.")
        return events

    def _with_line_feeds(self, piece: bytes) -> bytes:
        """The same with every line end a line feed; a CR at the end may have its LF in the next piece."""
        if self._after_cr and piece[:1] == b"\n":
            piece = piece[1:]
            self._after_cr = False
        if piece:
            self._after_cr = piece[-1:] == b"\r"
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _past_mark(self) -> bool:
        """Drops a byte-order mark at the stream's start; False while that cannot be told yet."""
        if self._rest.startswith(_MARK):
            del self._rest[:3]
        elif len(self._rest) < 3 and _MARK.startswith(self._rest):
            return False
        self._at_start = False
        return True


def _event(block: bytes) -> SseEvent | None:
    if block.startswith(b"data: ") and b"\n" not in block:
        return SseEvent(block[6:])
    data: list[bytes] = []
    kind = b""
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            kind = value.removeprefix(b" ")
    return SseEvent(b"\n".join(data), kind) if data else None
