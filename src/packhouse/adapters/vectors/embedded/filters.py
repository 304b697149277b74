"""A filter as LanceDB's SQL.

Negation is pushed down to the comparisons: LanceDB's parser takes time that doubles with each nested
`NOT (…)`. Chunks without an object or document have NULL there, which every comparison here answers with yes
or no, never with NULL.
"""

from collections.abc import Iterable

from packhouse.domain.knowledge import All, AnyOf, FieldIs, Filter, MetadataIs, Not

Sql = str | bool
"""A condition; True and False where the filter is decided without looking."""


def to_sql(chosen: Filter) -> Sql:
    return _sql(chosen, negated=False)


def label(key: str, value: str) -> str:
    """A metadata pair as one string of the labels column: no two pairs share one."""
    return key.replace("\\", "\\\\").replace("=", "\\=") + "=" + value


def pair(label_: str) -> tuple[str, str]:
    """The metadata pair that `label` made a string of."""
    key = list[str]()
    characters = iter(enumerate(label_))
    for place, character in characters:
        if character == "=":
            return "".join(key), label_[place + 1 :]
        key.append(next(characters)[1] if character == "\\" else character)
    raise AssertionError("not a label")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def one_of(column: str, values: Iterable[str], *, negated: bool = False) -> str:
    """For a column that is never NULL."""
    return f"{column} {'NOT ' if negated else ''}IN ({', '.join(map(quoted, values))})"


def _sql(chosen: Filter, *, negated: bool) -> Sql:
    match chosen:
        case Not(part):
            return _sql(part, negated=not negated)
        case All(parts):
            return _joined((_sql(part, negated=negated) for part in parts), conjunction=not negated)
        case AnyOf(parts):
            return _joined((_sql(part, negated=negated) for part in parts), conjunction=negated)
        case MetadataIs(key, values):
            if not values:
                return negated
            labels = ", ".join(quoted(label(key, value)) for value in values)
            return f"{'NOT ' if negated else ''}array_has_any(labels, [{labels}])"
        case FieldIs(field, values):
            return _field(field, values, negated=negated) if values else negated


def _field(field: str, values: tuple[str, ...], *, negated: bool) -> str:
    inside = one_of(field, values, negated=negated)
    if field == "id":
        return inside
    return f"({field} IS NULL OR {inside})" if negated else f"({field} IS NOT NULL AND {inside})"


def _joined(parts: Iterable[Sql], *, conjunction: bool) -> Sql:
    """AND, or else OR; a part that is decided decides the whole or drops out."""
    kept = list[str]()
    for part in parts:
        if part is not conjunction and isinstance(part, bool):
            return part
        if isinstance(part, str):
            kept.append(part)
    if not kept:
        return conjunction
    return kept[0] if len(kept) == 1 else "(" + (" AND " if conjunction else " OR ").join(kept) + ")"
