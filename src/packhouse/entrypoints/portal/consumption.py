"""A resource's consumption: against its limits, by day, as a table, charts and CSV."""

from datetime import timedelta

import msgspec
from litestar import Response, get

from packhouse.domain.consumption import Span, SpanName, Split
from packhouse.domain.errors import Refused
from packhouse.domain.units import ResourceId
from packhouse.entrypoints.portal.headers import headers
from packhouse.entrypoints.portal.outlook import outlooks
from packhouse.entrypoints.portal.pages import page
from packhouse.entrypoints.portal.resource import frame
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.entrypoints.portal.trend import charts, shares, shown, totals

SPANS: tuple[tuple[SpanName, str], ...] = (
    ("week", "7 days"),
    ("bundle_month", "Bundle month"),
    ("month_to_date", "Month to date"),
    ("six_months", "6 months"),
)
SPLITS: tuple[tuple[Split, str], ...] = (("none", "Total"), ("key", "By key"), ("model", "By model"))
CONSUMPTION = "/resources/{resource_id:str}/consumption"


MONTHS_SHOWN = 7
ROWS_SHOWN = 400
"""The CSV has all of them."""


class Choice(msgspec.Struct, frozen=True):
    """What the page shows, as its address says it. `back` counts bundle months."""

    span: SpanName
    split: Split
    back: int = 0

    @property
    def name(self) -> str:
        """Of its file."""
        split = "" if self.split == "none" else f"-by-{self.split}"
        return self.span.replace("_", "-") + split


@get(CONSUMPTION)
async def consumption(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="consumption")
    resource = framed.view.resource
    choice = _choice(request)
    of = visit.control.consumption
    running = await of.running(visit.actor, resource.id, forecast=True)
    span = await _span(visit, resource.id, choice=choice)
    days = await of.days(visit.actor, resource.id, span=span, split=choice.split)
    return page(
        visit,
        "resource/consumption.html",
        frame=framed,
        consumption=running,
        outlooks=outlooks(running, visit.now),
        months=await of.months(visit.actor, resource.id, count=MONTHS_SHOWN),
        choice=choice,
        spans=SPANS,
        splits=SPLITS,
        span=span,
        last_day=(span.to_at - timedelta(microseconds=1)).date(),
        days=list(reversed(days))[:ROWS_SHOWN],
        row_count=len(days),
        totals=totals(days),
        shares=shares(days, choice.split),
        charts=charts(days, shown(span, now=visit.now), running=running if span.month_start_at else None),
    )


@get(CONSUMPTION + ".csv")
async def consumption_csv(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    """What the table shows, for a spreadsheet."""
    choice = _choice(request)
    span = await _span(visit, ResourceId(resource_id), choice=choice)
    text = await visit.control.consumption.csv(visit.actor, ResourceId(resource_id), span=span, split=choice.split)
    last = shown(span, now=visit.now).to_at
    name = f"consumption-{span.from_at:%Y-%m-%d}-{last:%Y-%m-%d}-{choice.name}.csv"
    more = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv", headers=headers(visit.site, more))


def _choice(request: Asked) -> Choice:
    """Refused(not_found) for what no link of the page says."""
    span = request.query_params.get("span", "bundle_month")
    split = request.query_params.get("split", "none")
    back = request.query_params.get("back", "0")
    if span not in dict(SPANS) or split not in dict(SPLITS) or back not in map(str, range(MONTHS_SHOWN)):
        raise Refused("not_found", "There is no such view of the consumption.")
    return Choice(span, split, int(back))  # type: ignore[arg-type]


async def _span(visit: Visit, resource_id: ResourceId, *, choice: Choice) -> Span:
    """Before the activation there is no bundle month; then it is the calendar's."""
    if choice.span == "bundle_month" and choice.back == 0:
        running = await visit.control.consumption.months(visit.actor, resource_id, count=1)
        if not running:
            return await visit.control.consumption.span(visit.actor, resource_id, name="month_to_date")
    return await visit.control.consumption.span(visit.actor, resource_id, name=choice.span, back=choice.back)
