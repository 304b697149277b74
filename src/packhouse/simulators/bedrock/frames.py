"""AWS event-stream frames: a prelude with a checksum, headers, a payload, a checksum."""

import struct
import zlib

_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_STRING = 7


def frame(headers: tuple[tuple[str, str], ...], payload: bytes) -> bytes:
    """One message; all headers are strings, in their order."""
    head = b"".join(_header(name, value) for name, value in headers)
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(kind: str, payload: bytes) -> bytes:
    """An event as the service sends it."""
    return frame(((":event-type", kind), (":content-type", "application/json"), (":message-type", "event")), payload)


def exception(kind: str, payload: bytes) -> bytes:
    """A modelled error in the middle of a stream."""
    return frame(
        ((":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")), payload
    )


def padding(number: int) -> str:
    """What the service puts under the key `p`, so that lengths tell nothing; here it depends on the frame's number."""
    return _PADDING[: 2 + (number * 2_654_435_761 >> 7) % (len(_PADDING) - 2)]


def with_wrong_checksum(whole: bytes) -> bytes:
    return whole[:-4] + struct.pack(">I", struct.unpack(">I", whole[-4:])[0] ^ 1)


def with_truncated_payload(whole: bytes) -> bytes:
    """A well-formed frame whose JSON ends in the middle."""
    (head_length,) = struct.unpack(">I", whole[4:8])
    head, payload = whole[12 : 12 + head_length], whole[12 + head_length : -4]
    payload = payload[: len(payload) // 2]
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def malformed(whole: bytes) -> bytes:
    """As long as it was, but no frame: its lengths and checksums mean nothing."""
    return b"\x00\x00\x00\x10\xff\xff\xff\xff" + bytes(len(whole) - 8)


def _header(name: str, value: str) -> bytes:
    said, text = name.encode(), value.encode()
    return struct.pack(f">B{len(said)}sBH", len(said), said, _STRING, len(text)) + text
