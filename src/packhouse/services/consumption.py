"""Consumption: how much of a pack is used, and when, by which key and model, and whether it lasts."""

import csv
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO

import msgspec

from packhouse.domain.consumption import (
    MONTHS_MAX,
    Consumption,
    DayUse,
    KnowledgeUse,
    MeterUse,
    MonthUse,
    Span,
    SpanName,
    Split,
    csv_rows,
    months_back,
    named_span,
    of_month,
)
from packhouse.domain.errors import Refused
from packhouse.domain.forecast import forecasts
from packhouse.domain.month import BundleMonth
from packhouse.domain.resource import Resource
from packhouse.domain.units import ModelTokens, ResourceId
from packhouse.domain.user import SYSTEM, Actor
from packhouse.ports.store import MonthSums
from packhouse.services.access import resource_seen
from packhouse.services.context import Act, Context

SPAN_MAX = timedelta(days=400)
LOOKED_BACK = 3
"""Bundle months that a forecast looks at, the running one included: they hold all days that it goes by."""


class Consumptions:
    """All of it is for the team, its company's admins and operators; for others there is no such resource."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def running(self, actor: Actor, resource_id: ResourceId, *, forecast: bool = False) -> Consumption:
        """The running bundle month against its limits, with a `forecast` where that is asked for and it is
        active. Refused: not_found."""
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
            disk_bytes_max = self._context.catalog.disk_bytes_of(resource.plan, resource.type)
            if resource.activated_at is None:
                return Consumption(resource_id, None, (), 0, 0, ModelTokens(), disk_bytes_max)
            month = resource.month(act.now)
            meters = await _meters(act, resource_id, months=[month])
            sums = (await act.work.consumption.sums(resource_id, [month])).get(month.start_at, MonthSums())
            counts: Sequence[DayUse] = ()
            if resource.type == "knowledge_base":
                counts = await act.work.consumption.days(resource_id, of_month(month), split="none")
            uses = meters[0]
            if forecast and resource.state(act.now) == "active":
                uses = await _forecast(act, resource, meters=uses)
        knowledge = await self._knowledge(resource, counts)
        return Consumption(
            resource_id, month, uses, sums.calls, sums.estimated_calls, sums.tokens, disk_bytes_max, knowledge
        )

    async def months(self, actor: Actor, resource_id: ResourceId, *, count: int) -> list[MonthUse]:
        """The running bundle month and those before it, at most `count`, newest first. Refused: not_found,
        invalid_request."""
        if not 1 <= count <= MONTHS_MAX:
            raise Refused("invalid_request", f"From 1 to {MONTHS_MAX} months can be looked at.", field="count")
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
            months = months_back(resource.activated_at, now=act.now, count=count)
            meters = await _meters(act, resource_id, months=months)
            sums = await act.work.consumption.sums(resource_id, months)
            days: list[list[DayUse]] = [[] for _ in months]
            if resource.type == "knowledge_base":
                days = [await act.work.consumption.days(resource_id, of_month(one), split="none") for one in months]
        return [
            _month(month, uses, sums=sums.get(month.start_at, MonthSums()), days=counts)
            for month, uses, counts in zip(months, meters, days, strict=True)
        ]

    async def span(self, actor: Actor, resource_id: ResourceId, *, name: SpanName, back: int = 0) -> Span:
        """A span that has a name; see `named_span`. Refused: not_found, invalid_request."""
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
            return named_span(name, now=act.now, anchor_at=resource.activated_at, back=back)

    async def days(self, actor: Actor, resource_id: ResourceId, *, span: Span, split: Split = "none") -> list[DayUse]:
        """UTC days with consumption in the span, oldest first. Refused: not_found, invalid_request."""
        if not timedelta(0) < span.to_at - span.from_at <= SPAN_MAX:
            raise Refused(
                "invalid_request", f"The span must be positive and at most {SPAN_MAX.days} days.", field="to_at"
            )
        async with self._context.reading(actor) as act:
            await resource_seen(act, resource_id)
            if span.to_at > act.now + SPAN_MAX:
                raise Refused("invalid_request", "The span ends too far in the future.", field="to_at")
            days = await act.work.consumption.days(resource_id, span, split=split)
            keys = await act.work.keys.named({one.key for one in days if one.key}) if split == "key" else ()
        if split != "key":
            return days
        names = {str(key.id): f"{key.prefix} {key.description}".strip() for key in keys}
        return [msgspec.structs.replace(one, key=names.get(one.key, "-")) for one in days]

    async def csv(self, actor: Actor, resource_id: ResourceId, *, span: Span, split: Split = "none") -> str:
        """The same as CSV with a header. Refused: not_found, invalid_request."""
        text = StringIO()
        writer = csv.writer(text)
        writer.writerows(csv_rows(await self.days(actor, resource_id, span=span, split=split)))
        return text.getvalue()

    async def recounted(self, resource_id: ResourceId, *, rows: int) -> None:
        """An entry in the activity log: so many sums were not what the records come to, and are now."""
        async with self._context.writing(SYSTEM) as act:
            resource = await act.work.resources.get(resource_id)
            if resource is not None:
                await act.log_on(resource, "resource.usage_recounted", ("sums", str(rows)))

    async def _knowledge(self, resource: Resource, days: Sequence[DayUse]) -> KnowledgeUse | None:
        if resource.type != "knowledge_base":
            return None
        holds = await self._context.sizes.size(resource.id)
        return KnowledgeUse(
            searches=sum(one.searches for one in days),
            inserts=sum(one.inserts for one in days),
            chunks_inserted=sum(one.chunks for one in days),
            bytes_inserted=sum(one.bytes for one in days),
            chunks=holds.chunks,
            disk_bytes=holds.disk_bytes,
        )


async def _meters(act: Act, resource_id: ResourceId, *, months: Sequence[BundleMonth]) -> list[tuple[MeterUse, ...]]:
    """For each of the months, with the limits as they were in it."""
    used = await act.work.consumption.used(resource_id, months)
    limits = await act.work.resources.limits_of(resource_id, months)
    return [
        tuple(MeterUse(one.meter, one.limit, used.get((start_at, one.meter), 0)) for one in limits[start_at])
        for start_at in (month.start_at for month in months)
    ]


async def _forecast(act: Act, resource: Resource, *, meters: Sequence[MeterUse]) -> tuple[MeterUse, ...]:
    """The meters of the running month with their forecasts."""
    assert resource.activated_at is not None
    months = months_back(resource.activated_at, now=act.now, count=LOOKED_BACK)
    found = forecasts(
        months[0],
        now=act.now,
        anchor_at=resource.activated_at,
        limits=await act.work.resources.limits_of(resource.id, months),
        used={one.meter: one.used for one in meters},
        days=await act.work.consumption.tokens_by_day(resource.id, months[-1].start_at),
    )
    return tuple(msgspec.structs.replace(one, forecast=found[one.meter]) for one in meters)


def _month(month: BundleMonth, meters: tuple[MeterUse, ...], *, sums: MonthSums, days: Sequence[DayUse]) -> MonthUse:
    return MonthUse(
        month=month,
        meters=meters,
        calls=sums.calls,
        estimated_calls=sums.estimated_calls,
        tokens=sums.tokens,
        searches=sum(one.searches for one in days),
        inserts=sum(one.inserts for one in days),
        chunks=sum(one.chunks for one in days),
        bytes=sum(one.bytes for one in days),
    )
