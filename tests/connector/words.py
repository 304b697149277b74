"""A toy model of meaning for the connector's test gateway: words, their vectors, filters, similarity."""

import hashlib
import math
import re
from array import array
from collections.abc import Mapping
from typing import Any

DIMENSIONS = 512

_OWN_FIELDS = ("$id", "$object_id", "$object_type", "$document_id")


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def vector(text: str) -> "array[float]":
    """Counts of words, each thrown into one of the dimensions; never zero for a text with a word."""
    counts = array("f", bytes(4 * DIMENSIONS))
    for word in words(text):
        counts[int.from_bytes(hashlib.sha256(word.encode()).digest()[:2]) % DIMENSIONS] += 1.0
    return counts


def similarity(one: "array[float]", other: "array[float]") -> float:
    """The cosine; 0 for texts without words."""
    length = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def passes(chunk: Mapping[str, Any], choice: Mapping[str, Any]) -> bool:
    """Whether the chunk passes the filter, as the knowledge interface describes it."""
    return all(_holds(chunk, key, wanted) for key, wanted in choice.items())


def _holds(chunk: Mapping[str, Any], key: str, wanted: Any) -> bool:
    match key:
        case "$and":
            return all(passes(chunk, part) for part in wanted)
        case "$or":
            return any(passes(chunk, part) for part in wanted)
        case "$not":
            return not passes(chunk, wanted)
        case _:
            values = [wanted] if isinstance(wanted, str) else wanted
            return any(value in _values(chunk, key) for value in values)


def _values(chunk: Mapping[str, Any], key: str) -> list[str]:
    if key not in _OWN_FIELDS:
        return chunk["metadata"].get(key, [])
    about: dict[str, str] = chunk["object"] or {}
    own: str | None = {
        "$id": chunk["id"],
        "$object_id": about.get("id"),
        "$object_type": about.get("type"),
        "$document_id": chunk["document_id"],
    }[key]
    return [own] if own else []
