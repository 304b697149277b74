"""Usage that the data plane wrote, summed for people to read.

Months are read from the sums of days, which know their bundle month. A span that begins or ends within a day takes the
sums of hours there, and one that begins or ends within an hour its records, so that spans which meet share no call and
miss none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Label,
    RowMapping,
    Select,
    Subquery,
    Table,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)

from packhouse.adapters.sql.repository import Repository
from packhouse.adapters.sql.tables import knowledge_hour, usage_day, usage_hour, usage_record, usage_total
from packhouse.domain.consumption import DayUse, Span, Split
from packhouse.domain.forecast import DayTokens
from packhouse.domain.month import BundleMonth
from packhouse.domain.units import ModelTokens, ResourceId, instant
from packhouse.ports.store import MonthSums

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_DAY_MICROSECONDS = 86_400_000_000
_INSTANT = timedelta(microseconds=1)
_CLASSES = ("input", "output", "cache_read", "cache_write")
_CALLS = ("calls", "estimated_calls", *_CLASSES)
_KNOWLEDGE = ("searches", "inserts", "chunks", "bytes")


class SqlConsumption(Repository):
    async def used(self, resource_id: ResourceId, months: Sequence[BundleMonth]) -> Mapping[tuple[datetime, str], int]:
        total = usage_total.c
        query = select(total.month_start, total.meter, total.used).where(
            total.resource_id == resource_id, total.month_start.in_([month.start_at for month in months])
        )
        return {(row.month_start, row.meter): row.used for row in await self._sql.execute(query)}

    async def sums(self, resource_id: ResourceId, months: Sequence[BundleMonth]) -> Mapping[datetime, MonthSums]:
        starts = [month.start_at for month in months]
        if not starts:
            return {}
        query = (
            select(usage_day.c.month_start, *_sums(usage_day, _CALLS))
            .where(*_days_of(resource_id, Span(min(starts), max(month.end_at for month in months))))
            .where(usage_day.c.month_start.in_(starts))
            .group_by(usage_day.c.month_start)
        )
        rows = (await self._sql.execute(query)).mappings()
        return {row["month_start"]: MonthSums(row["calls"], row["estimated_calls"], _tokens(row)) for row in rows}

    async def tokens_by_day(self, resource_id: ResourceId, since_at: datetime) -> list[DayTokens]:
        place = (usage_day.c.day_at, usage_day.c.month_start)
        query = (
            select(*place, *_sums(usage_day, _CLASSES))
            .where(usage_day.c.resource_id == resource_id, usage_day.c.day_at >= _floor(since_at, _DAY))
            .group_by(*place)
            .order_by(*place)
        )
        rows = (await self._sql.execute(query)).mappings()
        return [DayTokens(row["day_at"].date(), row["month_start"], _tokens(row)) for row in rows]

    async def days(self, resource_id: ResourceId, span: Span, *, split: Split) -> list[DayUse]:
        uses = _uses(resource_id, span)
        parts = {"none": (), "key": (uses.c.key_id,), "model": (uses.c.model,)}[split]
        query = (
            select(uses.c.day, *(parts or (literal(""),)), *_sums(uses, _CALLS))
            .group_by(uses.c.day, *parts)
            .order_by(uses.c.day, *parts)
        )
        days = _rows((await self._sql.execute(query)).all(), split=split)
        return days if split != "none" else _merged(days, await self._knowledge(resource_id, span))

    async def _knowledge(self, resource_id: ResourceId, span: Span) -> list[DayUse]:
        # the data plane counts these by the hour: one within which a bundle month begins is wholly that month's
        day = _day(knowledge_hour.c.hour_at)
        query = (
            select(day, *_sums(knowledge_hour, _KNOWLEDGE))
            .where(
                knowledge_hour.c.resource_id == resource_id,
                knowledge_hour.c.hour_at >= _floor(span.from_at, _HOUR),
                knowledge_hour.c.hour_at < _floor(span.to_at, _HOUR),
            )
            .group_by(day)
        )
        rows = (await self._sql.execute(query)).mappings()
        return [DayUse(day=instant(row["day"]).date(), **{name: row[name] for name in _KNOWLEDGE}) for row in rows]


def _uses(resource_id: ResourceId, span: Span) -> Subquery:
    """Counts with their day, key and model."""
    if span.month_start_at is not None:
        days = _summed(usage_day, usage_day.c.day_at).where(*_days_of(resource_id, span))
        return days.where(usage_day.c.month_start == span.month_start_at).subquery("uses")
    return union_all(*_pieces(resource_id, span)).subquery("uses")


def _days_of(resource_id: ResourceId, span: Span) -> tuple[ColumnElement[bool], ...]:
    day = usage_day.c.day_at
    return usage_day.c.resource_id == resource_id, day >= _floor(span.from_at, _DAY), day < span.to_at


def _pieces(resource_id: ResourceId, span: Span) -> list[Select[Any]]:
    """Days where the span has them whole, hours around them, records around those; each a range of an index."""
    pieces: list[Select[Any]] = []
    hours = _inner(span.from_at, span.to_at, step=_HOUR)
    for start, end in _around(span.from_at, span.to_at, inner=hours):
        at = usage_record.c.started_at
        pieces.append(_single().where(usage_record.c.resource_id == resource_id, at >= start, at < end))
    if hours is None:
        return pieces
    days = _inner(*hours, step=_DAY)
    for start, end in _around(*hours, inner=days):
        pieces.append(_between(usage_hour, usage_hour.c.hour_at, resource_id=resource_id, span=(start, end)))
    if days is not None:
        pieces.append(_between(usage_day, usage_day.c.day_at, resource_id=resource_id, span=days))
    return pieces


def _inner(start: datetime, end: datetime, *, step: timedelta) -> tuple[datetime, datetime] | None:
    """The whole hours or days in it."""
    first, last = _floor(start + step - _INSTANT, step), _floor(end, step)
    return (first, last) if first < last else None


def _around(
    start: datetime, end: datetime, *, inner: tuple[datetime, datetime] | None
) -> list[tuple[datetime, datetime]]:
    """What of it lies outside the inner part."""
    parts = [(start, end)] if inner is None else [(start, inner[0]), (inner[1], end)]
    return [part for part in parts if part[0] < part[1]]


def _between(
    table: Table, at: ColumnElement[Any], *, resource_id: ResourceId, span: tuple[datetime, datetime]
) -> Select[Any]:
    return _summed(table, at).where(table.c.resource_id == resource_id, at >= span[0], at < span[1])


def _summed(table: Table, at: ColumnElement[Any]) -> Select[Any]:
    return select(_day(at), table.c.key_id, table.c.model, *(table.c[name].label(name) for name in _CALLS))


def _single() -> Select[Any]:
    record = usage_record.c
    return select(
        _day(record.started_at),
        func.coalesce(record.key_id, "").label("key_id"),
        record.model,
        literal(1).label("calls"),
        case((record.source == "estimated", 1), else_=0).label("estimated_calls"),
        *(record[name].label(name) for name in _CLASSES),
    )


def _floor(at: datetime, step: timedelta) -> datetime:
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour if step == _HOUR else hour.replace(hour=0)


def _day(column: ColumnElement[Any]) -> Label[int]:
    at = type_coerce(column, BigInteger)
    if column is usage_day.c.day_at:
        return at.label("day")
    return (at - at % _DAY_MICROSECONDS).label("day")


def _sums(table: FromClause, names: Iterable[str]) -> list[Label[int]]:
    # a sum of bigints is a numeric in PostgreSQL, which the driver hands over as a Decimal
    return [cast(func.coalesce(func.sum(table.c[name]), 0), BigInteger).label(name) for name in names]


def _tokens(row: RowMapping) -> ModelTokens:
    return ModelTokens(row["input"], row["output"], row["cache_read"], row["cache_write"])


def _rows(rows: Iterable[Sequence[Any]], *, split: Split) -> list[DayUse]:
    """There may be thousands, so columns are known by their place: day, what it is split by, and `_CALLS`."""
    dates: dict[int, date] = {}
    days: list[DayUse] = []
    for at, part, calls, estimated, *classes in rows:
        day = dates.get(at)
        if day is None:
            day = dates[at] = instant(at).date()
        tokens = ModelTokens(*classes)
        if split == "key":
            days.append(DayUse(day=day, key=part, calls=calls, estimated_calls=estimated, tokens=tokens))
        else:
            days.append(DayUse(day=day, model=part, calls=calls, estimated_calls=estimated, tokens=tokens))
    return days


def _merged(calls: list[DayUse], knowledge: list[DayUse]) -> list[DayUse]:
    days = {one.day: one for one in calls}
    for one in knowledge:
        base = days.get(one.day, one)
        counts = {name: getattr(one, name) for name in _KNOWLEDGE}
        days[one.day] = msgspec.structs.replace(base, **counts)
    return [days[day] for day in sorted(days)]
