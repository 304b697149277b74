"""The scripted model's vectors: made of hashed words, in every type that there is."""

import hashlib
import math
import re
import struct

from packhouse.domain.chat_part import Text
from packhouse.domain.embedding import Embeddable, TypedVectors, VectorType

IMAGE_TOKENS = 9
"""What each image counts."""

_TOKEN = re.compile(r"\S+\s*|\s+")
_WORD = re.compile(r"\w+")
_FLOATS = {"float", "base64"}


def words_of(each: Embeddable) -> tuple[str, int]:
    """What an input is known by, and how many images are in it. A token's number is a word, and so is an image."""
    if isinstance(each, str):
        return each, 0
    if isinstance(each, tuple):
        return " ".join(map(str, each)), 0
    images = [part for part in each.parts if not isinstance(part, Text)]
    words = [part.text for part in each.parts if isinstance(part, Text)]
    words += [hashlib.blake2b(image.data + image.url.encode(), digest_size=8).hexdigest() for image in images]
    return " ".join(words), len(images)


def tokens_of(each: Embeddable) -> tuple[int, int]:
    """Input tokens, and how many of them are images."""
    if isinstance(each, str | tuple):
        return (len(_TOKEN.findall(each)) if isinstance(each, str) else len(each)), 0
    images = IMAGE_TOKENS * words_of(each)[1]
    return images + sum(len(_TOKEN.findall(part.text)) for part in each.parts if isinstance(part, Text)), images


def vector_of(text: str, dimensions: int) -> list[float]:
    """Each word adds or takes 1 at a place that its hash names; a text without words has a place of its own."""
    values = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        values[(number >> 1) % dimensions] += 1.0 if number & 1 else -1.0
    if not any(values):
        values[0] = 1.0
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]


def float_vectors(vectors: list[list[float]], types: tuple[VectorType, ...]) -> tuple[bytes, ...]:
    """Little-endian float32, where such were asked for."""
    if _FLOATS.isdisjoint(types):
        return ()
    return tuple(struct.pack(f"<{len(vector)}f", *vector) for vector in vectors)


def typed_vectors(vectors: list[list[float]], types: tuple[VectorType, ...]) -> tuple[TypedVectors, ...]:
    """The further types that were asked for, in their order."""
    return tuple(
        TypedVectors(each, tuple(_packed(vector, each) for vector in vectors)) for each in types if each not in _FLOATS
    )


def _packed(vector: list[float], kind: VectorType) -> bytes:
    """Whole numbers of 127ths, or a bit for each number above 0, the first the highest; signed ones lie 128 lower."""
    if kind in {"int8", "uint8"}:
        whole = [round(value * 127) for value in vector]
        return bytes(each % 256 if kind == "int8" else each + 128 for each in whole)
    bits = [value > 0 for value in vector] + [False] * (-len(vector) % 8)
    eights = [sum(bit << 7 - place for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)]
    return bytes((each - 128) % 256 if kind == "binary" else each for each in eights)
