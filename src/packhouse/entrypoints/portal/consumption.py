"""A resource's consumption: against its limits, by day, as a table, charts and CSV."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from litestar import Response, get

from packhouse.domain.consumption import Consumption, DayUse, Span, Split
from packhouse.domain.errors import Refused
from packhouse.domain.month import BundleMonth, bundle_month
from packhouse.domain.units import ResourceId
from packhouse.entrypoints.portal.headers import headers
from packhouse.entrypoints.portal.pages import page
from packhouse.entrypoints.portal.resource import Frame, frame
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.entrypoints.portal.trend import Totals, charts, totals

SpanName = Literal["week", "bundle", "month", "half-year"]
SPANS: tuple[tuple[SpanName, str], ...] = (
    ("week", "7 days"),
    ("bundle", "Bundle month"),
    ("month", "Month to date"),
    ("half-year", "6 months"),
)
SPLITS: tuple[tuple[Split, str], ...] = (("none", "Total"), ("key", "By key"), ("model", "By model"))
CONSUMPTION = "/resources/{resource_id:str}/consumption"


class Choice(msgspec.Struct, frozen=True):
    """What the page shows, as its address says it."""

    span: SpanName
    split: Split


@get(CONSUMPTION)
async def consumption(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="consumption")
    choice = _choice(request)
    running = await visit.control.consumption.running(visit.actor, framed.view.resource.id)
    span = _span(choice.span, running.month, now=visit.now)
    days = await _days(visit, framed, span=span, split=choice.split)
    return page(
        visit,
        "resource/consumption.html",
        frame=framed,
        consumption=running,
        choice=choice,
        spans=SPANS,
        splits=SPLITS,
        span=span,
        last_day=(span.to_at - timedelta(microseconds=1)).date(),
        days=list(reversed(days)),
        totals=totals(days),
        charts=charts(days, span, running=running if choice.span == "bundle" else None),
        before=await _month_before(visit, framed, running=running),
    )


@get(CONSUMPTION + ".csv")
async def consumption_csv(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    """What the table shows, for a spreadsheet."""
    choice = _choice(request)
    running = await visit.control.consumption.running(visit.actor, ResourceId(resource_id))
    span = _span(choice.span, running.month, now=visit.now)
    text = await visit.control.consumption.csv(visit.actor, ResourceId(resource_id), span=span, split=choice.split)
    name = f"consumption-{span.from_at:%Y-%m-%d}-{visit.now:%Y-%m-%d}.csv"
    more = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv", headers=headers(visit.site, more))


def _choice(request: Asked) -> Choice:
    """Refused(not_found) for what no link of the page says."""
    span = request.query_params.get("span", "bundle")
    split = request.query_params.get("split", "none")
    if span not in dict(SPANS) or split not in dict(SPLITS):
        raise Refused("not_found", "There is no such view of the consumption.")
    return Choice(span, split)


def _span(name: SpanName, month: BundleMonth | None, *, now: datetime) -> Span:
    """Until now, today included."""
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    end = midnight + timedelta(days=1)
    match name:
        case "week":
            return Span(midnight - timedelta(days=6), end)
        case "bundle" if month is not None:
            return Span(month.start_at, min(end, month.end_at))
        case "half-year":
            return Span(midnight - timedelta(days=182), end)
        case _:
            return Span(midnight.replace(day=1), end)


async def _days(visit: Visit, framed: Frame, *, span: Span, split: Split = "none") -> list[DayUse]:
    return await visit.control.consumption.days(visit.actor, framed.view.resource.id, span=span, split=split)


async def _month_before(visit: Visit, framed: Frame, *, running: Consumption) -> Totals | None:
    """What the bundle month before has consumed; None where there was none."""
    activated_at = framed.view.resource.activated_at
    if running.month is None or activated_at is None or running.month.start_at <= activated_at:
        return None
    month = bundle_month(activated_at, running.month.start_at - timedelta(microseconds=1))
    return totals(await _days(visit, framed, span=Span(month.start_at, month.end_at)))
