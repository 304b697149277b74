"""The sums of usage, counted anew from the records: where they differ, and mended.

Records and sums are written in one transaction, so what a sum lacks stays the same while gateways go on draining. A
difference is looked for without holding anybody up, then looked for again and mended in a short transaction of its own
that drains of the same pack wait for. Twice changes nothing more.
"""

from collections.abc import Iterator, Sequence

import msgspec

from packhouse.adapters.database.connection import Connection, Row
from packhouse.adapters.database.limits import limits_of
from packhouse.adapters.metering.booking import COUNTS, DAY_PLACE, HOUR_PLACE, KNOWLEDGE_COUNTS, KNOWLEDGE_PLACE, adding
from packhouse.adapters.metering.rollup import DAY, HOUR
from packhouse.domain.units import ModelTokens


class Difference(msgspec.Struct, frozen=True):
    """So many rows of a table of sums were not what the records come to."""

    resource_id: str
    table: str
    rows: int


class _Records(msgspec.Struct, frozen=True):
    """What sums are made of: a table, the column of its instants, and how its `columns` are read, where not by name."""

    table: str
    at: str
    columns: dict[str, str]


class _Sums(msgspec.Struct, frozen=True):
    """A table of sums. `at` is the column with the start of its hours or days, which last `step` microseconds."""

    table: str
    place: tuple[str, ...]
    at: str
    step: int
    records: _Records
    counts: tuple[str, ...] = COUNTS


_CALLS = _Records(
    "usage_record",
    "started_at",
    {
        "key_id": "coalesce(key_id, '')",
        "calls": "1",
        "estimated_calls": "CASE WHEN source = 'estimated' THEN 1 ELSE 0 END",
    },
)
_HOURS = _Sums("usage_hour", HOUR_PLACE, "hour_at", HOUR, _CALLS)
_DAYS = _Sums("usage_day", DAY_PLACE, "day_at", DAY, _CALLS)
_KNOWLEDGE = _Sums(
    "knowledge_hour",
    KNOWLEDGE_PLACE,
    "hour_at",
    HOUR,
    _Records("knowledge_count", "counted_at", {}),
    KNOWLEDGE_COUNTS,
)

_RESOURCES = "SELECT id FROM resource UNION SELECT resource_id FROM usage_total ORDER BY 1"
_BOUNDS = (
    "SELECT min(first), max(last) FROM ("
    "SELECT min(started_at) AS first, max(started_at) AS last FROM usage_record WHERE resource_id = ?1"
    " UNION ALL SELECT min(hour_at), max(hour_at) FROM usage_hour WHERE resource_id = ?1"
    " UNION ALL SELECT min(day_at), max(day_at) FROM usage_day WHERE resource_id = ?1"
    " UNION ALL SELECT min(counted_at), max(counted_at) FROM knowledge_count WHERE resource_id = ?1"
    " UNION ALL SELECT min(hour_at), max(hour_at) FROM knowledge_hour WHERE resource_id = ?1) AS bounds"
)
_MONTHS = (
    "SELECT month_start, sum(input), sum(output), sum(cache_read), sum(cache_write)"
    " FROM usage_day WHERE resource_id = ? GROUP BY month_start"
)
_TOTALS = "SELECT month_start, meter, used FROM usage_total WHERE resource_id = ?"
_SET_TOTAL = (
    "INSERT INTO usage_total (resource_id, month_start, meter, used) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (resource_id, month_start, meter) DO UPDATE SET used = excluded.used"
)
_DROP_TOTAL = "DELETE FROM usage_total WHERE resource_id = ? AND month_start = ? AND meter = ?"


def resources(sql: Connection) -> list[str]:
    """All packs that may have usage."""
    return [resource_id for (resource_id,) in sql.run(_RESOURCES)]


def recount(sql: Connection, resource_id: str, *, mend: bool) -> list[Difference]:
    """What was wrong with the sums of a pack; with `mend` it is right now."""
    rows = {_HOURS.table: 0, _DAYS.table: 0, _KNOWLEDGE.table: 0}
    lacking = dict[int, ModelTokens]()
    for start in _days(sql, resource_id):
        for sums in (_HOURS, _DAYS, _KNOWLEDGE):
            found = _lacking(sql, sums, resource_id=resource_id, start=start)
            if found and mend:
                with sql.writing([resource_id]):
                    found = _lacking(sql, sums, resource_id=resource_id, start=start)
                    _mend(sql, sums, lacking=found)
            elif sums is _DAYS:
                for _, _, month_start, _, _, _, _, *tokens in found:
                    lacking[month_start] = lacking.get(month_start, ModelTokens()) + ModelTokens(*tokens)
            rows[sums.table] += len(found)
    with sql.writing([resource_id]):  # read at one go, or a drain in between would look like a difference
        wrong = _totals(sql, resource_id, lacking=lacking)
        if mend:
            right = [(resource_id, *place, used) for place, used in wrong.items() if used is not None]
            sql.run_many(_SET_TOTAL, right)
            sql.run_many(_DROP_TOTAL, [(resource_id, *place) for place, used in wrong.items() if used is None])
    rows["usage_total"] = len(wrong)
    return [Difference(resource_id, table, count) for table, count in rows.items() if count]


def _days(sql: Connection, resource_id: str) -> Iterator[int]:
    ((first, last),) = sql.run(_BOUNDS, (resource_id,))
    if first is not None:
        yield from range(first - first % DAY, last + 1, DAY)


def _lacking(sql: Connection, sums: _Sums, *, resource_id: str, start: int) -> list[Row]:
    """Rows of the table within the day that begins then: their place, and what must be added to each count."""
    rows = sql.run(_difference(sums), (resource_id, start, start + DAY))
    width = len(sums.place)
    return [(*row[:width], *map(int, row[width:])) for row in rows]


def _difference(sums: _Sums) -> str:
    place, counts, records = ", ".join(sums.place), sums.counts, sums.records
    parts = {sums.at: f"{records.at} - {records.at} % {sums.step}"} | records.columns
    read = ", ".join(f"{parts.get(name, name)} AS {name}" for name in (*sums.place, *counts))
    less = ", ".join(f"-{name}" for name in counts)
    return (
        f"SELECT {place}, {', '.join(f'sum({name})' for name in counts)} FROM ("  # noqa: S608 - names of this house
        f"SELECT {read} FROM {records.table}"
        f" WHERE resource_id = ?1 AND {records.at} >= ?2 AND {records.at} < ?3"
        f" UNION ALL SELECT {place}, {less} FROM {sums.table}"
        f" WHERE resource_id = ?1 AND {sums.at} >= ?2 AND {sums.at} < ?3) AS counted"
        f" GROUP BY {place} HAVING {' OR '.join(f'sum({name}) <> 0' for name in counts)}"
    )


def _mend(sql: Connection, sums: _Sums, *, lacking: Sequence[Row]) -> None:
    sql.run_many(adding(sums.table, sums.place, counts=sums.counts), lacking)
    nothing = " AND ".join(f"{name} = 0" for name in sums.counts)
    here = " AND ".join(f"{name} = ?" for name in sums.place)
    drop = f"DELETE FROM {sums.table} WHERE {here} AND {nothing}"  # noqa: S608 - names of this house
    sql.run_many(drop, [row[: len(sums.place)] for row in lacking])


def _totals(sql: Connection, resource_id: str, *, lacking: dict[int, ModelTokens]) -> dict[tuple[int, str], int | None]:
    """What each wrong total must be, by month and meter: the days' tokens with what they lack, by the meter's weights.
    None: there must be none."""
    right = dict[tuple[int, str], int]()
    months = {start: ModelTokens(*map(int, tokens)) for start, *tokens in sql.run(_MONTHS, (resource_id,))}
    for start in months | lacking:
        tokens = months.get(start, ModelTokens()) + lacking.get(start, ModelTokens())
        for meter in limits_of(sql, resource_id, month_start=start):
            right[start, meter.meter] = meter.weights.amount(tokens)
    known = {(start, meter): used for start, meter, used in sql.run(_TOTALS, (resource_id,))}
    return {place: right.get(place) for place in right | known if right.get(place) != known.get(place)}
