"""Usage that the data plane wrote, summed for people to read."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Label,
    RowMapping,
    Subquery,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)

from packhouse.adapters.sql.repository import Repository
from packhouse.adapters.sql.tables import knowledge_hour, usage_hour, usage_record, usage_total
from packhouse.domain.consumption import DayUse, Span, Split
from packhouse.domain.month import BundleMonth
from packhouse.domain.units import ModelTokens, ResourceId, instant
from packhouse.ports.store import Sums

_DAY = 86_400_000_000
_HOUR = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)
_CLASSES = ("input", "output", "cache_read", "cache_write")
_CALLS = ("calls", "estimated_calls", *_CLASSES)
_KNOWLEDGE = ("searches", "inserts", "chunks", "bytes")


class SqlConsumption(Repository):
    async def used(self, resource_id: ResourceId, month_start_at: datetime) -> Mapping[str, int]:
        query = select(usage_total.c.meter, usage_total.c.used).where(
            usage_total.c.resource_id == resource_id, usage_total.c.month_start == month_start_at
        )
        return {row.meter: row.used for row in await self._sql.execute(query)}

    async def sums(self, resource_id: ResourceId, month: BundleMonth) -> Sums:
        uses = _uses(resource_id, Span(month.start_at, month.end_at))
        row = (await self._sql.execute(select(*_sums(uses, _CALLS)))).mappings().one()
        return Sums(row["calls"], row["estimated_calls"], _tokens(row))

    async def days(self, resource_id: ResourceId, span: Span, *, split: Split) -> list[DayUse]:
        uses = _uses(resource_id, span)
        parts = {"none": (), "key": (uses.c.key_id,), "model": (uses.c.model,)}[split]
        query = (
            select(uses.c.day, *parts, *_sums(uses, _CALLS)).group_by(uses.c.day, *parts).order_by(uses.c.day, *parts)
        )
        days = [_calls(row) for row in (await self._sql.execute(query)).mappings()]
        return days if split != "none" else _merged(days, await self._knowledge(resource_id, span))

    async def _knowledge(self, resource_id: ResourceId, span: Span) -> list[DayUse]:
        # the data plane counts these by the hour: one within which a bundle month begins is wholly that month's
        span = Span(_hour(span.from_at), _hour(span.to_at))
        day = _day(knowledge_hour.c.hour_at)
        query = (
            select(day, *_sums(knowledge_hour, _KNOWLEDGE))
            .where(
                knowledge_hour.c.resource_id == resource_id,
                knowledge_hour.c.hour_at >= span.from_at,
                knowledge_hour.c.hour_at < span.to_at,
            )
            .group_by(day)
        )
        rows = (await self._sql.execute(query)).mappings()
        return [DayUse(day=instant(row["day"]).date(), **{name: row[name] for name in _KNOWLEDGE}) for row in rows]


def _uses(resource_id: ResourceId, span: Span) -> Subquery:
    """Counts with their day, key and model: of whole hours from their sums, and call by call where the span begins or
    ends within an hour, so that spans which meet share no call and miss none."""
    whole = Span(_hour(span.from_at + _HOUR - _INSTANT), _hour(span.to_at))
    hours, records = usage_hour.c, usage_record.c
    summed = select(
        _day(hours.hour_at), hours.key_id, hours.model, *(hours[name].label(name) for name in _CALLS)
    ).where(hours.resource_id == resource_id, hours.hour_at >= whole.from_at, hours.hour_at < whole.to_at)
    single = (
        select(
            _day(records.started_at),
            func.coalesce(records.key_id, "").label("key_id"),
            records.model,
            literal(1).label("calls"),
            case((records.source == "estimated", 1), else_=0).label("estimated_calls"),
            *(records[name].label(name) for name in _CLASSES),
        )
        .where(records.resource_id == resource_id)
        .where(records.started_at >= span.from_at, records.started_at < span.to_at)
        .where(or_(records.started_at < whole.from_at, records.started_at >= whole.to_at))
    )
    return union_all(summed, single).subquery("uses")


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _day(column: ColumnElement[Any]) -> Label[int]:
    at = type_coerce(column, BigInteger)
    return (at - at % _DAY).label("day")


def _sums(table: FromClause, names: Iterable[str]) -> list[Label[int]]:
    # a sum of bigints is a numeric in PostgreSQL, which the driver hands over as a Decimal
    return [cast(func.coalesce(func.sum(table.c[name]), 0), BigInteger).label(name) for name in names]


def _tokens(row: RowMapping) -> ModelTokens:
    return ModelTokens(row["input"], row["output"], row["cache_read"], row["cache_write"])


def _calls(row: RowMapping) -> DayUse:
    return DayUse(
        day=instant(row["day"]).date(),
        key=row.get("key_id", ""),
        model=row.get("model", ""),
        calls=row["calls"],
        estimated_calls=row["estimated_calls"],
        tokens=_tokens(row),
    )


def _merged(calls: list[DayUse], knowledge: list[DayUse]) -> list[DayUse]:
    days = {one.day: one for one in calls}
    for one in knowledge:
        base = days.get(one.day, one)
        counts = {name: getattr(one, name) for name in _KNOWLEDGE}
        days[one.day] = msgspec.structs.replace(base, **counts)
    return [days[day] for day in sorted(days)]
