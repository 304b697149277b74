"""The decoder of event streams beside botocore's, over frames cut anywhere and damaged anywhere."""

import struct
from binascii import crc32
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder
from packhouse.domain.errors import Refused

Headers = Mapping[str, tuple[int, Any]]

_INTEGERS = {2: (8, ">b"), 3: (16, ">h"), 4: (32, ">i"), 5: (64, ">q"), 8: (64, ">q")}


def encoded(headers: Headers, payload: bytes) -> bytes:
    block = b"".join(_header(name, kind, value) for name, (kind, value) in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    body = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return body + struct.pack(">I", crc32(body))


def _header(name: str, kind: int, value: Any) -> bytes:
    start = struct.pack(">B", len(name.encode())) + name.encode() + bytes([kind])
    if kind in (0, 1):
        return start
    if kind in _INTEGERS:
        return start + struct.pack(_INTEGERS[kind][1], value)
    if kind == 9:
        return start + value
    data = value.encode() if kind == 7 else value
    return start + struct.pack(">H", len(data)) + data


def _signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


_values = st.one_of(
    st.just((0, True)),
    st.just((1, False)),
    *(st.tuples(st.just(kind), _signed(bits)) for kind, (bits, _) in _INTEGERS.items()),
    st.tuples(st.just(6), st.binary(max_size=40)),
    st.tuples(st.just(7), st.text(max_size=40)),
    st.tuples(st.just(9), st.binary(min_size=16, max_size=16)),
)
_headers = st.dictionaries(st.text(min_size=1, max_size=12), _values, max_size=5)
_frames = st.lists(st.tuples(_headers, st.binary(max_size=200)), max_size=5)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(marks)]


def ours(pieces: list[bytes]) -> tuple[list[tuple[dict[str, Any], bytes]], str]:
    """The frames, and the code of what ended them."""
    decoder, found = EventStreamDecoder(), list[tuple[dict[str, Any], bytes]]()
    try:
        for piece in pieces:
            found += ((dict(frame.headers), frame.payload) for frame in decoder.feed(piece))
    except Refused as refused:
        return found, refused.code
    return found, "" if decoder.between_frames else "open"


def theirs(pieces: list[bytes]) -> tuple[list[tuple[dict[str, Any], bytes]], bool]:
    buffer, found = EventStreamBuffer(), list[tuple[dict[str, Any], bytes]]()
    try:
        for piece in pieces:
            buffer.add_data(piece)
            found += ((event.headers, event.payload) for event in buffer)
    except (ParserError, struct.error, UnicodeDecodeError, KeyError):
        return found, True
    return found, False


@given(_frames, st.lists(st.integers(0, 10_000), max_size=20))
def test_the_same_frames_as_botocore(frames: list[tuple[Headers, bytes]], places: list[int]) -> None:
    pieces = cut(b"".join(encoded(*frame) for frame in frames), places)
    found, ended = ours(pieces)
    assert found == theirs(pieces)[0]
    assert found == [({name: value for name, (_, value) in headers.items()}, payload) for headers, payload in frames]
    assert ended == ""


@given(_frames.filter(bool), st.lists(st.integers(0, 10_000), max_size=9), st.data())
def test_a_damaged_stream_ends_where_botocore_ends_it(
    frames: list[tuple[Headers, bytes]], places: list[int], data: st.DataObject
) -> None:
    whole = bytearray(b"".join(encoded(*frame) for frame in frames))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    pieces = cut(bytes(whole), places)
    found, ended = ours(pieces)
    wanted, failed = theirs(pieces)
    assert found == wanted
    assert (ended == "provider_malformed") == failed


@given(_frames.filter(bool), st.integers(1, 10_000))
def test_a_stream_cut_short_is_seen(frames: list[tuple[Headers, bytes]], missing: int) -> None:
    last = encoded(*frames[-1])
    whole = b"".join(encoded(*frame) for frame in frames)[: -(missing % len(last)) or None]
    found, ended = ours([whole])
    kept = len(frames) - (missing % len(last) > 0)
    assert (len(found), ended) == (kept, "" if kept == len(frames) else "open")


@pytest.mark.parametrize(
    "block",
    [
        b"\x01a\x0a",  # no such type
        b"\x01a",  # no type
        b"\x05a\x00",  # the name is longer than the block
        b"\x01a\x07\x00\x05ab",  # the value is longer than the block
        b"\x01a\x07\x00",  # half a length
        b"\x01a\x04\x00\x00",  # half a number
        b"\x01a\x09abc",  # half a UUID
        b"\x01\xff\x00",  # not UTF-8
        b"\x01a\x07\x00\x01\xff",  # not UTF-8
        b"\x01a\x00\x01a\x01",  # twice
    ],
)
def test_headers_that_are_none(block: bytes) -> None:
    prelude = struct.pack(">II", 16 + len(block), len(block))
    body = prelude + struct.pack(">I", crc32(prelude)) + block
    assert ours([body + struct.pack(">I", crc32(body))]) == ([], "provider_malformed")


@pytest.mark.parametrize(("total", "headers"), [(15, 0), (16, 1), (25_165_841, 0), (200_000, 131_073), (0, 0)])
def test_lengths_that_cannot_be_are_refused_before_more_is_read(total: int, headers: int) -> None:
    prelude = struct.pack(">II", total, headers)
    assert ours([prelude + struct.pack(">I", crc32(prelude))]) == ([], "provider_malformed")


def test_a_large_frame_in_small_pieces() -> None:
    payload = bytes(8_000_000)
    whole = encoded({":event-type": (7, "chunk")}, payload)
    pieces = [whole[start : start + 4096] for start in range(0, len(whole), 4096)]
    assert ours(pieces) == ([({":event-type": "chunk"}, payload)], "")
