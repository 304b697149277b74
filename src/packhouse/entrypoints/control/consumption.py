"""Consumption: the running bundle month against its limits, and days, as JSON or CSV."""

from datetime import date
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from packhouse.domain.consumption import Span, Split
from packhouse.domain.errors import Refused
from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor
from packhouse.entrypoints.control.openapi import CSV, refuses
from packhouse.entrypoints.control.resource import BundleMonth
from packhouse.entrypoints.control.wire import Answer, Asked, Body, Caller, Instant, Services, utc
from packhouse.services.control import Control


class DayFilter(Body, frozen=True):
    """From `from_at` (inclusive) to `to_at` (exclusive)."""

    from_at: Instant | None = None
    to_at: Instant | None = None
    split: Split = "none"


class ModelTokens(Answer, frozen=True):
    input: int
    output: int
    cache_read: int
    cache_write: int


class MeterUse(Answer, frozen=True):
    meter: str
    limit: int
    used: int
    remaining: int
    percent: float


class KnowledgeUse(Answer, frozen=True):
    """What was done in the bundle month, and what the knowledge base holds now: `chunks` and `disk_bytes`."""

    searches: int
    inserts: int
    chunks_inserted: int
    bytes_inserted: int
    chunks: int
    disk_bytes: int


class Consumption(Answer, frozen=True):
    """The running bundle month; it is refilled at `month.end_at`. `month` is null before the activation.

    `knowledge` and `disk_percent` (of `disk_bytes_max`) are for knowledge bases; null and 0 for model packs.
    """

    resource_id: str
    month: BundleMonth | None
    meters: list[MeterUse]
    calls: int
    estimated_calls: int
    tokens: ModelTokens
    disk_bytes_max: int
    disk_percent: float
    knowledge: KnowledgeUse | None


class DayUse(Answer, frozen=True):
    """A UTC day, or a part of it where it is split by key or model."""

    day: date
    key: str
    model: str
    calls: int
    estimated_calls: int
    tokens: ModelTokens
    searches: int
    inserts: int
    chunks: int
    bytes: int


class Days(Answer, frozen=True):
    """Days without consumption are left out."""

    from_at: Instant
    to_at: Instant
    split: Split
    days: list[DayUse]


@get(
    "/resources/{resource_id:str}/consumption",
    summary="Read the running bundle month against its limits",
    opt=refuses("not_found"),
)
async def read_consumption(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Consumption:
    return Consumption.of(await control.consumption.running(actor, ResourceId(resource_id)))


@get(
    "/resources/{resource_id:str}/consumption/days",
    summary="List days with consumption (default: those of the running bundle month), as JSON or CSV by Accept",
    opt=refuses("not_found", "conflict") | {CSV: True},
)
async def list_days(
    *,
    request: Request[Any, Any, Any],
    control: Services,
    actor: Caller,
    resource_id: FromPath[str],
    asked: Asked[DayFilter],
) -> Response[Days | str]:
    resource, split = ResourceId(resource_id), asked.split
    span = await _span(control, actor, resource_id=resource, asked=asked)
    if request.accept.best_match(["application/json", "text/csv"]) == "text/csv":
        return _csv(await control.consumption.csv(actor, resource, span=span, split=split), resource)
    days = await control.consumption.days(actor, resource, span=span, split=split)
    found = Days(from_at=span.from_at, to_at=span.to_at, split=split, days=[DayUse.of(one) for one in days])
    return Response(found, headers={"vary": "accept"})


@get(
    "/resources/{resource_id:str}/consumption/days.csv",
    summary="Download days with consumption as CSV",
    media_type="text/csv",
    opt=refuses("not_found", "conflict"),
)
async def download_days(
    *, control: Services, actor: Caller, resource_id: FromPath[str], asked: Asked[DayFilter]
) -> Response[str]:
    resource = ResourceId(resource_id)
    span = await _span(control, actor, resource_id=resource, asked=asked)
    return _csv(await control.consumption.csv(actor, resource, span=span, split=asked.split), resource)


async def _span(control: Control, actor: Actor, *, resource_id: ResourceId, asked: DayFilter) -> Span:
    """What was asked for; what is left out is the running bundle month's. Refused: not_found, conflict."""
    from_at, to_at = utc(asked.from_at), utc(asked.to_at)
    if from_at is not None and to_at is not None:
        return Span(from_at, to_at)
    month = (await control.resources.get(actor, resource_id)).month
    if month is None:
        raise Refused("conflict", "The resource has no bundle month yet; give from_at and to_at.")
    return Span(from_at or month.start_at, to_at or month.end_at)


def _csv(text: str, resource_id: ResourceId) -> Response[Any]:
    headers = {"content-disposition": f'attachment; filename="{resource_id}-consumption.csv"', "vary": "accept"}
    return Response(text, media_type="text/csv", headers=headers)


ROUTES = (read_consumption, list_days, download_days)
