"""Embeddings that mean nothing and are always the same: texts that share words lie closer together."""

import hashlib
import math
import re
import struct
from array import array
from functools import lru_cache

_WORD = re.compile(r"\w+", re.UNICODE)
_CELLS_PER_WORD = 16


@lru_cache(maxsize=4096)
def vector(text: str, dimensions: int) -> tuple[float, ...]:
    """A unit vector of `text`: the sum of what its words hash to, in single precision."""
    cells = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=_CELLS_PER_WORD * 4).digest()
        for number in struct.unpack(f"<{_CELLS_PER_WORD}I", digest):
            cells[(number >> 1) % dimensions] += 1.0 if number & 1 else -1.0
    norm = math.sqrt(sum(cell * cell for cell in cells))
    if norm == 0.0:
        cells[0], norm = 1.0, 1.0
    return tuple(array("f", [cell / norm for cell in cells]))


def packed(floats: tuple[float, ...]) -> bytes:
    """The vector as little-endian single precision floats, as OpenAI's base64 form carries it."""
    return struct.pack(f"<{len(floats)}f", *floats)


def int8(floats: tuple[float, ...]) -> list[int]:
    """Each cell in -128..127."""
    return [max(-128, min(127, round(cell * 127))) for cell in floats]


def uint8(floats: tuple[float, ...]) -> list[int]:
    """Each cell in 0..255."""
    return [value + 128 for value in int8(floats)]


def ubinary(floats: tuple[float, ...]) -> list[int]:
    """One bit a cell (is it positive?), eight to a number in 0..255, the first cell in the highest bit."""
    bits = "".join("1" if cell > 0 else "0" for cell in floats)
    return [int(bits[start : start + 8].ljust(8, "0"), 2) for start in range(0, len(bits), 8)]


def binary(floats: tuple[float, ...]) -> list[int]:
    """As `ubinary`, in -128..127."""
    return [value - 128 for value in ubinary(floats)]
