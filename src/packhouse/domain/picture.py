"""What a picture is and how large, read from its first bytes."""

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEAD_BYTES = 24
_GIF = b"GIF8"
_WEBP_HEAD = (b"RIFF", b"WEBP")
_JPEG = b"\xff\xd8"
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length behind them."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame, which tells its size."""


PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""The types that Claude, Bedrock and Cohere take, and no other."""

_OTHER_NAMES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


def picture_type(data: bytes, declared: str) -> str:
    """One of `PICTURES`: what the first bytes say, which a provider goes by too, or else what was declared. Empty
    where it is none of them."""
    if data.startswith(_PNG[:4]):
        return "image/png"
    if data.startswith(_JPEG):
        return "image/jpeg"
    if data.startswith(_GIF):
        return "image/gif"
    if (data[:4], data[8:12]) == _WEBP_HEAD:
        return "image/webp"
    plain = declared.partition(";")[0].strip().lower()
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in PICTURES else ""


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
