"""How large a picture is, read from its first bytes."""

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD_BYTES = 24
_JPEG = b"\xff\xd8"
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length behind them."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame, which tells its size."""


def pixels_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or a JPEG; None of anything else, and of what is neither whole nor sound.

    Only for formats whose decoders go by the size that is read here: a GIF or WebP may hold larger frames.
    """
    if data.startswith(_PNG) and len(data) >= _PNG_HEAD_BYTES and data[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", data, 16)
        return (width, height) if width and height else None
    return _of_jpeg(data) if data.startswith(_JPEG) else None


def _of_jpeg(data: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _JPEG_ALONE:
            place += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return (width, height) if width and height else None
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return None
