"""Consumption: bundle months against their limits with a forecast, and days, as JSON or CSV."""

from datetime import date
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromPath
from msgspec import Meta

from packhouse.domain.consumption import MONTHS_MAX, Span, SpanName, Split, of_month
from packhouse.domain.errors import Refused
from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor
from packhouse.entrypoints.control.openapi import CSV, refuses
from packhouse.entrypoints.control.resource import BundleMonth
from packhouse.entrypoints.control.wire import Answer, Asked, Body, Caller, Instant, Services, utc
from packhouse.services.control import Control


class DayFilter(Body, frozen=True):
    """A span by its name, or from `from_at` (inclusive) to `to_at` (exclusive); not both."""

    span: Annotated[
        SpanName | None,
        Meta(
            description="`week`: the last seven UTC days. `bundle_month`: see `back`. `month_to_date`: the calendar"
            " month. `six_months`: the last 183 UTC days. Without any span: the running bundle month."
        ),
    ] = None
    back: Annotated[int, Meta(ge=0, le=MONTHS_MAX, description="How many bundle months ago; 0 is the running one.")] = 0
    from_at: Instant | None = None
    to_at: Instant | None = None
    split: Split = "none"


class MonthFilter(Body, frozen=True):
    count: Annotated[int, Meta(ge=1, le=MONTHS_MAX, description="How many bundle months at most.")] = 7


class ModelTokens(Answer, frozen=True):
    input: int
    output: int
    cache_read: int
    cache_write: int


class MeterOfMonth(Answer, frozen=True):
    """In a bundle month, against the limit as it was then."""

    meter: str
    limit: int
    used: int
    remaining: int
    percent: float


class Forecast(Answer, frozen=True):
    """What the bundle month needs in all, past the limit too; less than `low` one time in ten, as often over `high`.

    `runs_dry_at` is when the limit is reached, with its earliest and latest of the same band; null where that is not
    before the refill. `likely`: it is reached at odds of three to one or better, by at least three days' evidence.
    `observed_days` is what the forecast goes by.
    """

    expected: int
    low: int
    high: int
    runs_dry_at: Instant | None
    runs_dry_earliest_at: Instant | None
    runs_dry_latest_at: Instant | None
    likely: bool
    observed_days: float


class MeterUse(MeterOfMonth, frozen=True):
    """In the running bundle month. `forecast` is null where there is nothing to go by yet."""

    forecast: Forecast | None


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


class MonthUse(Answer, frozen=True):
    """`searches` to `bytes` are what was done in a knowledge base."""

    month: BundleMonth
    meters: list[MeterOfMonth]
    calls: int
    estimated_calls: int
    tokens: ModelTokens
    searches: int
    inserts: int
    chunks: int
    bytes: int


class Months(Answer, frozen=True):
    """The running bundle month first."""

    months: list[MonthUse]


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
    summary="Read the running bundle month against its limits, with a forecast",
    opt=refuses("not_found"),
)
async def read_consumption(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Consumption:
    return Consumption.of(await control.consumption.running(actor, ResourceId(resource_id), forecast=True))


@get(
    "/resources/{resource_id:str}/consumption/months",
    summary="List bundle months against the limits that they had, newest first",
    opt=refuses("not_found"),
)
async def list_months(
    *, control: Services, actor: Caller, resource_id: FromPath[str], asked: Asked[MonthFilter]
) -> Months:
    months = await control.consumption.months(actor, ResourceId(resource_id), count=asked.count)
    return Months(months=[MonthUse.of(one) for one in months])


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
    """What was asked for; an instant that is left out is the running bundle month's. Refused: not_found, conflict,
    invalid_request."""
    from_at, to_at = utc(asked.from_at), utc(asked.to_at)
    if asked.span is not None or asked.back:
        if from_at is not None or to_at is not None:
            raise Refused("invalid_request", "Give a span's name, or from_at and to_at, not both.", field="span")
        name = asked.span or "bundle_month"
        return await control.consumption.span(actor, resource_id, name=name, back=asked.back)
    if from_at is not None and to_at is not None:
        return Span(from_at, to_at)
    month = (await control.resources.get(actor, resource_id)).month
    if month is None:
        raise Refused("conflict", "The resource has no bundle month yet; give from_at and to_at.")
    if from_at is None and to_at is None:
        return of_month(month)
    return Span(from_at or month.start_at, to_at or month.end_at)


def _csv(text: str, resource_id: ResourceId) -> Response[Any]:
    headers = {"content-disposition": f'attachment; filename="{resource_id}-consumption.csv"', "vary": "accept"}
    return Response(text, media_type="text/csv", headers=headers)


ROUTES = (read_consumption, list_months, list_days, download_days)
