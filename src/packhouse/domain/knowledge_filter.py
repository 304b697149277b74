"""The public form of a filter (JSON) read into its tree, and what a filter means, as plain code.

`{}` is everything; `{"lang": "en"}` and `{"lang": ["en", "de"]}` compare metadata; the keys of one object all
hold; `$and`, `$or` and `$not` join objects; `$id`, `$object_id`, `$object_type` and `$document_id` are the
chunk's own fields.
"""

from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import (
    EVERYTHING,
    All,
    AnyOf,
    Chunk,
    FieldIs,
    Filter,
    FilterField,
    MetadataIs,
    Not,
)

FILTER_DEPTH_MAX = 8
"""How deep `$and`, `$or` and `$not` may stand in one another."""

FILTER_CONDITIONS_MAX = 256
"""How many comparisons a filter may make."""

FILTER_VALUES_MAX = 10_000
"""How many values all comparisons together may name."""

FIELDS: Mapping[str, FilterField] = {
    "$id": "id",
    "$object_id": "object_id",
    "$object_type": "object_type",
    "$document_id": "document_id",
}


def decode_filter(text: str | bytes) -> Filter:
    """The filter that a JSON text describes; an empty text is everything. Refused(filter_invalid)."""
    if not text.strip():
        return EVERYTHING
    try:
        return parse_filter(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused("it is not valid JSON") from error


def parse_filter(value: object) -> Filter:
    """The filter that a decoded JSON value describes; None is everything. Refused(filter_invalid)."""
    return EVERYTHING if value is None else _Reader().read(value, "the filter", depth=0)


def matches(chosen: Filter, chunk: Chunk) -> bool:
    """Whether a chunk passes a filter: what every engine's answer is measured by."""
    match chosen:
        case MetadataIs(key, values):
            return any(name == key and value in values for name, value in chunk.metadata)
        case FieldIs(field, values):
            return _field(chunk, field) in values
        case All(parts):
            return all(matches(part, chunk) for part in parts)
        case AnyOf(parts):
            return any(matches(part, chunk) for part in parts)
        case Not(part):
            return not matches(part, chunk)


def _field(chunk: Chunk, field: FilterField) -> str | None:
    match field:
        case "id":
            return chunk.id
        case "object_id":
            return chunk.object.id if chunk.object else None
        case "object_type":
            return chunk.object.type if chunk.object else None
        case "document_id":
            return chunk.document_id


def _refused(what: str) -> Refused:
    return Refused("filter_invalid", f"The filter is not understood: {what}.")


def _shown(key: str) -> str:
    return f"`{key}`" if len(key) <= 80 else f"`{key[:80]}…`"


class _Reader:
    """Reads one filter and keeps count of its size."""

    def __init__(self) -> None:
        self._conditions = 0
        self._values = 0

    def read(self, value: object, where: str, *, depth: int) -> Filter:
        if not isinstance(value, dict):
            raise _refused(f"{where} must be a JSON object")
        if depth > FILTER_DEPTH_MAX:
            raise _refused(f"it is nested more than {FILTER_DEPTH_MAX} deep")
        parts = [self._entry(key, part, depth=depth) for key, part in cast("dict[str, object]", value).items()]
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _entry(self, key: str, value: object, *, depth: int) -> Filter:
        match key:
            case "$and":
                return self._several(key, value, depth=depth, join=All)
            case "$or":
                return self._several(key, value, depth=depth, join=AnyOf)
            case "$not":
                return Not(self.read(value, "`$not`", depth=depth + 1))
            case _ if key in FIELDS:
                return FieldIs(FIELDS[key], self._compared(key, value))
            case _ if key.startswith("$"):
                known = ", ".join(f"`{name}`" for name in ("$and", "$or", "$not", *FIELDS))
                raise _refused(f"there is no {_shown(key)}, only {known}")
            case _:
                return MetadataIs(key, self._compared(key, value))

    def _several(self, key: str, value: object, *, depth: int, join: Callable[[tuple[Filter, ...]], Filter]) -> Filter:
        if not isinstance(value, list) or not value:
            raise _refused(f"{_shown(key)} must be a list of at least one object")
        parts = cast("list[object]", value)
        return join(tuple(self.read(part, f"each part of {_shown(key)}", depth=depth + 1) for part in parts))

    def _compared(self, key: str, value: object) -> tuple[str, ...]:
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        texts = tuple(text for text in values if isinstance(text, str))
        if not texts or len(texts) != len(values):
            raise _refused(f"{_shown(key)} must be compared with a string or a list of at least one string")
        self._conditions += 1
        self._values += len(texts)
        if self._conditions > FILTER_CONDITIONS_MAX:
            raise _refused(f"it makes more than {FILTER_CONDITIONS_MAX} comparisons")
        if self._values > FILTER_VALUES_MAX:
            raise _refused(f"it names more than {FILTER_VALUES_MAX} values")
        return texts
