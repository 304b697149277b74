"""The binary event stream that Bedrock streams in, decoded as its bytes come.

A frame is: total length, length of the headers, CRC-32 of these two; headers; payload; CRC-32 of all before. A header
is: length of the name, name, type, value. Numbers are big-endian.
"""

import struct
from binascii import crc32
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

HeaderValue = bool | int | bytes | str
"""A timestamp comes as its milliseconds since the epoch, a UUID as its 16 bytes."""

_PRELUDE = struct.Struct(">III")
_AROUND_BYTES = _PRELUDE.size + 4
_HEADERS_BYTES_MAX = 128 * 1024
_PAYLOAD_BYTES_MAX = 24 * 1024 * 1024
_BLOCKS_KEPT = 256
_BLOCK_BYTES_KEPT_MAX = 512


class Frame(Content, frozen=True):
    headers: Mapping[str, HeaderValue]
    payload: bytes

    def header(self, name: str) -> str:
        """A header's text; empty where there is none."""
        value = self.headers.get(name, "")
        return value if isinstance(value, str) else ""


class EventStreamDecoder:
    """Takes pieces cut anywhere. Raises `Refused` `provider_malformed` at a frame whose lengths, sums or headers are
    wrong; those before it are handed on first."""

    __slots__ = ("_needed", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = _PRELUDE.size

    @property
    def between_frames(self) -> bool:
        """Whether all that came was whole frames."""
        return not self._rest

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that `piece` completes, in order; to be taken all before the next piece."""
        data = piece
        if self._rest:
            self._rest += piece
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
            self._rest.clear()
        start, size = 0, len(data)
        self._needed = _PRELUDE.size
        while size - start >= _PRELUDE.size:
            total, headers_size, sum_before = _prelude(data, start)
            end = start + total
            if end > size:
                self._needed = total
                break
            yield _frame(data[start:end], headers_size, sum_before=sum_before)
            start = end
        if start < size:
            self._rest += data[start:] if start else data


def _prelude(data: bytes, start: int) -> tuple[int, int, int]:
    """Total length, length of the headers, CRC-32 up to and with the prelude's own."""
    total, headers_size, said = _PRELUDE.unpack_from(data, start)
    prelude = data[start : start + _PRELUDE.size]
    if crc32(prelude[:8]) != said:
        raise malformed()
    payload_size = total - headers_size - _AROUND_BYTES
    if headers_size > _HEADERS_BYTES_MAX or not 0 <= payload_size <= _PAYLOAD_BYTES_MAX:
        raise malformed()
    return total, headers_size, crc32(prelude)


def _frame(data: bytes, headers_size: int, *, sum_before: int) -> Frame:
    if crc32(data[_PRELUDE.size : -4], sum_before) != int.from_bytes(data[-4:], "big"):
        raise malformed()
    headers_end = _PRELUDE.size + headers_size
    block = data[_PRELUDE.size : headers_end]
    headers = _headers_kept(block) if headers_size <= _BLOCK_BYTES_KEPT_MAX else _headers(block)
    return Frame(headers, data[headers_end:-4])


def _headers(block: bytes) -> Mapping[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    place, size = 0, len(block)
    try:
        while place < size:
            name_end = place + 1 + block[place]
            name = block[place + 1 : name_end].decode()
            value, place = _VALUES[block[name_end]](block, name_end + 1)
            if name in headers or place > size:
                raise malformed()
            headers[name] = value
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise malformed() from error
    return MappingProxyType(headers)


_headers_kept = lru_cache(_BLOCKS_KEPT)(_headers)
"""The frames of a stream have the same few blocks of headers over and over."""


Reader = Callable[[bytes, int], tuple[HeaderValue, int]]


def _constant(value: bool) -> Reader:
    return lambda _, place: (value, place)


def _number(form: str) -> Reader:
    number = struct.Struct(form)
    return lambda block, place: (number.unpack_from(block, place)[0], place + number.size)


def _sized(block: bytes, place: int) -> tuple[bytes, int]:
    end = place + 2 + int.from_bytes(block[place : place + 2], "big")
    return block[place + 2 : end], end


def _text(block: bytes, place: int) -> tuple[str, int]:
    value, end = _sized(block, place)
    return value.decode(), end


def _uuid(block: bytes, place: int) -> tuple[bytes, int]:
    return block[place : place + 16], place + 16


_VALUES: tuple[Reader, ...] = (
    _constant(True),
    _constant(False),
    _number(">b"),
    _number(">h"),
    _number(">i"),
    _number(">q"),
    _sized,
    _text,
    _number(">q"),
    _uuid,
)
"""By the number of the header's type."""


def malformed() -> Refused:
    return Refused("provider_malformed", "The model's provider answered something that is not its protocol.")
