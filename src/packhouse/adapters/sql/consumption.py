"""Usage that the data plane wrote, summed for people to read."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Label, RowMapping, Table, case, cast, func, or_, select, type_coerce

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
        # whole hours from their sums; the hours in which the bundle month begins and ends from the records
        hours = Span(_hour(month.start_at + _HOUR - _INSTANT), _hour(month.end_at))
        query = select(*_sums(usage_hour, _CALLS)).where(*_within(usage_hour, hours, of=resource_id))
        whole = (await self._sql.execute(query)).mappings().one()
        records = usage_record.c
        parts = (
            select(
                func.count().label("calls"),
                func.count(case((records.source == "estimated", 1))).label("estimated_calls"),
                *_sums(usage_record, _CLASSES),
            )
            .where(records.resource_id == resource_id, records.month_start == month.start_at)
            .where(
                or_(
                    records.started_at.between(month.start_at, hours.from_at - _INSTANT),
                    records.started_at >= hours.to_at,
                )
            )
        )
        part = (await self._sql.execute(parts)).mappings().one()
        return Sums(
            whole["calls"] + part["calls"],
            whole["estimated_calls"] + part["estimated_calls"],
            _tokens(whole) + _tokens(part),
        )

    async def days(self, resource_id: ResourceId, span: Span, *, split: Split) -> list[DayUse]:
        parts = {"none": (), "key": (usage_hour.c.key_id,), "model": (usage_hour.c.model,)}[split]
        day = _day(usage_hour)
        span = Span(_hour(span.from_at), span.to_at)  # a month that begins within an hour has that hour's sums too
        query = (
            select(day, *parts, *_sums(usage_hour, _CALLS))
            .where(*_within(usage_hour, span, of=resource_id))
            .group_by(day, *parts)
            .order_by(day, *parts)
        )
        days = [_calls(row) for row in (await self._sql.execute(query)).mappings()]
        return days if split != "none" else _merged(days, await self._knowledge(resource_id, span))

    async def _knowledge(self, resource_id: ResourceId, span: Span) -> list[DayUse]:
        day = _day(knowledge_hour)
        query = (
            select(day, *_sums(knowledge_hour, _KNOWLEDGE))
            .where(*_within(knowledge_hour, span, of=resource_id))
            .group_by(day)
        )
        rows = (await self._sql.execute(query)).mappings()
        return [DayUse(day=instant(row["day"]).date(), **{name: row[name] for name in _KNOWLEDGE}) for row in rows]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _day(table: Table) -> Label[int]:
    hour = type_coerce(table.c.hour_at, BigInteger)
    return (hour - hour % _DAY).label("day")


def _sums(table: Table, names: Iterable[str]) -> list[Label[int]]:
    # a sum of bigints is a numeric in PostgreSQL, which the driver hands over as a Decimal
    return [cast(func.coalesce(func.sum(table.c[name]), 0), BigInteger).label(name) for name in names]


def _within(table: Table, span: Span, *, of: ResourceId) -> tuple[Any, ...]:
    return (
        table.c.resource_id == of,
        table.c.hour_at >= span.from_at,
        table.c.hour_at < span.to_at,
    )


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
