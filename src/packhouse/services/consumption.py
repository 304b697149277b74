"""Consumption: how much of a pack is used, and when, by which key and model."""

import csv
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO

import msgspec

from packhouse.domain.consumption import Consumption, DayUse, KnowledgeUse, MeterUse, Span, Split, csv_rows
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource
from packhouse.domain.units import KeyId, ModelTokens, ResourceId
from packhouse.domain.user import Actor
from packhouse.services.access import resource_seen
from packhouse.services.context import Act, Context

SPAN_MAX = timedelta(days=400)


class Consumptions:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def running(self, actor: Actor, resource_id: ResourceId) -> Consumption:
        """The running bundle month against its limits. For the team, admins, operators. Refused: not_found."""
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
            disk_bytes_max = self._disk(resource)
            if resource.activated_at is None:
                return Consumption(resource_id, None, (), 0, 0, ModelTokens(), disk_bytes_max)
            month = resource.month(act.now)
            limits = await act.work.resources.limits(resource_id, month.start_at)
            used = await act.work.consumption.used(resource_id, month.start_at)
            sums = await act.work.consumption.sums(resource_id, month)
            counts = await act.work.consumption.days(resource_id, Span(month.start_at, month.end_at), split="none")
        meters = tuple(MeterUse(one.meter, one.limit, used.get(one.meter, 0)) for one in limits)
        knowledge = await self._knowledge(resource, counts)
        return Consumption(
            resource_id, month, meters, sums.calls, sums.estimated_calls, sums.tokens, disk_bytes_max, knowledge
        )

    async def days(self, actor: Actor, resource_id: ResourceId, *, span: Span, split: Split = "none") -> list[DayUse]:
        """UTC days with consumption in the span, oldest first. Refused: not_found, invalid_request."""
        if not span.from_at < span.to_at <= span.from_at + SPAN_MAX:
            raise Refused(
                "invalid_request", f"The span must be positive and at most {SPAN_MAX.days} days.", field="to_at"
            )
        async with self._context.reading(actor) as act:
            await resource_seen(act, resource_id)
            days = await act.work.consumption.days(resource_id, span, split=split)
            names = {one.key: await _named(act, one.key) for one in days} if split == "key" else {}
        return [msgspec.structs.replace(one, key=names.get(one.key, "")) for one in days]

    async def csv(self, actor: Actor, resource_id: ResourceId, *, span: Span, split: Split = "none") -> str:
        """The same as CSV with a header. Refused: not_found, invalid_request."""
        text = StringIO()
        writer = csv.writer(text)
        writer.writerows(csv_rows(await self.days(actor, resource_id, span=span, split=split)))
        return text.getvalue()

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

    def _disk(self, resource: Resource) -> int:
        plans = self._context.catalog.plans_for(resource.type)
        return next((plan.disk_bytes for plan in plans if plan.name == resource.plan), 0)


async def _named(act: Act, key_id: str) -> str:
    key = await act.work.keys.get(KeyId(key_id)) if key_id else None
    return f"{key.prefix} {key.description}".strip() if key else "-"
