"""Which line of a TOML file a value stands in: the parser tells it of syntax only, not of values."""

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w\-\"']+(?:\s*\.\s*[\w\-\"']+)*)\s*=")


def line_of(text: str, path: Path) -> int:
    """The line, from 1, of the value at `path` (keys, and places in arrays of tables from 0).

    Where the value has no line of its own (inside an inline table), or does not exist, the line of what holds
    it.
    """
    best_line, best_length = 1, 0
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = place = _table(_names(header[2]), counts, is_array=header[1] == "[[")
        elif key := _KEY.match(line):
            place = (*table, *_names(key[1]))
        else:
            continue
        if len(place) > best_length and place == path[: len(place)]:
            best_line, best_length = number, len(place)
    return best_line


def _names(dotted: str) -> list[str]:
    return [name.strip().strip("\"'") for name in dotted.split(".")]


def _table(names: Sequence[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    """The path that a header opens; `counts` is how many tables each array has had so far."""
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, names[-1])
    if is_array:
        counts[path] = counts.get(path, 0) + 1
        path = (*path, counts[path] - 1)
    return path
