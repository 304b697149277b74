"""What chunks, objects and metadata may be called, and how much metadata there may be."""

import re
from collections.abc import Sequence

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import KNOWLEDGE, Chunk

ID_CHARACTERS_MAX = 512
TYPE_CHARACTERS_MAX = 128
KEYS_MAX = 64
KEY_CHARACTERS_MAX = 128
PAIRS_MAX = 256
VALUE_CHARACTERS_MAX = 2_048
KNOWLEDGE_CHARACTERS_MAX = 20_000
"""The text that a model is given in the place of a chunk's own may be as long as that."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_chunk_names(chunk: Chunk, field: str) -> None:
    """Refused(invalid_request) for its id, its object or its metadata."""
    if chunk.id:
        _check_name(chunk.id, f"{field}.id", most=ID_CHARACTERS_MAX)
    if chunk.object is not None:
        _check_name(chunk.object.id, f"{field}.object.id", most=ID_CHARACTERS_MAX)
        if chunk.object.type:
            _check_name(chunk.object.type, f"{field}.object.type", most=TYPE_CHARACTERS_MAX)
    check_metadata(chunk.metadata, f"{field}.metadata")


def check_metadata(metadata: Sequence[tuple[str, str]], field: str) -> None:
    """Refused(invalid_request) for too much of it, and for keys that a filter could not name."""
    if len({key for key, _ in metadata}) > KEYS_MAX or len(metadata) > PAIRS_MAX:
        raise Refused(
            "invalid_request", f"`{field}` has more than {KEYS_MAX} keys or {PAIRS_MAX} values in all.", field=field
        )
    for key, value in metadata:
        if key.startswith("$"):
            raise Refused(
                "invalid_request",
                f"The metadata key `{key[:80]}` cannot begin with `$`: filters keep that for themselves.",
                field=field,
            )
        _check_name(key, f"{field}: a key", most=KEY_CHARACTERS_MAX)
        most = KNOWLEDGE_CHARACTERS_MAX if key == KNOWLEDGE else VALUE_CHARACTERS_MAX
        if len(value) > most or "\x00" in value:
            raise Refused(
                "invalid_request",
                f"`{field}.{key}` has at most {most:,} characters, none of them NUL.",
                field=f"{field}.{key}",
            )


def _check_name(name: str, field: str, *, most: int) -> None:
    if not 1 <= len(name) <= most or _CONTROL.search(name):
        raise Refused(
            "invalid_request",
            f"`{field}` must have 1 to {most} characters, none of them a control character.",
            field=field,
        )
