"""`packhouse usage`: what a resource has consumed."""

import sys
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Meta
from msgspec.structs import replace

from packhouse.cli.client import Api
from packhouse.cli.command import Options, instant, with_api
from packhouse.cli.show import say, show_json, show_rows, text

BAR_CHARACTERS = 20
MEBIBYTE = 2**20


SpanName = Literal["week", "bundle_month", "month_to_date", "six_months"]


class UsageOptions(Options, frozen=True):
    months: Annotated[bool, Meta(description="Bundle months against the limits that they had.")] = False
    span: Annotated[SpanName | None, Meta(description="Day by day over a span with a name.")] = None
    back: Annotated[int, Meta(description="Day by day of a bundle month so many before the running one.")] = 0
    days: Annotated[bool, Meta(description="Day by day instead of the running bundle month.")] = False
    split: Annotated[Literal["none", "key", "model"], Meta(description="How a day is split.")] = "none"
    start: Annotated[str | None, Meta(description="The first day or instant (default: the bundle month's).")] = None
    end: Annotated[str | None, Meta(description="The end, which is no longer part of it.")] = None
    csv: Annotated[bool, Meta(description="Day by day as CSV.")] = False


class Tokens(msgspec.Struct):
    input: int
    output: int
    cache_read: int
    cache_write: int


class Forecast(msgspec.Struct):
    expected: int
    low: int
    high: int
    runs_dry_at: datetime | None
    runs_dry_earliest_at: datetime | None
    runs_dry_latest_at: datetime | None
    likely: bool


class Meter(msgspec.Struct):
    meter: str
    used: int
    limit: int
    remaining: int
    percent: float
    forecast: Forecast | None = None


class MeterLine(msgspec.Struct):
    """A line of the table."""

    meter: str
    used: int
    limit: int
    remaining: int
    percent: float
    bar: str


class MonthLine(msgspec.Struct):
    """A line of the table of bundle months: one for each meter."""

    start_at: datetime
    meter: str = ""
    used: int = 0
    limit: int = 0
    percent: float = 0.0
    calls: int = 0
    searches: int = 0
    inserts: int = 0
    chunks: int = 0


class Month(msgspec.Struct):
    start_at: datetime
    end_at: datetime


class Knowledge(msgspec.Struct):
    searches: int
    inserts: int
    chunks_inserted: int
    chunks: int
    disk_bytes: int


class Consumption(msgspec.Struct):
    month: Month | None
    meters: list[Meter]
    calls: int
    estimated_calls: int
    tokens: Tokens
    disk_bytes_max: int
    disk_percent: float
    knowledge: Knowledge | None


class MonthUse(msgspec.Struct):
    month: Month
    meters: list[Meter]
    calls: int
    searches: int
    inserts: int
    chunks: int


class _Months(msgspec.Struct):
    months: list[MonthUse]


class Day(msgspec.Struct):
    """A line of the table of days."""

    day: date
    key: str
    model: str
    calls: int
    input: int
    output: int
    searches: int
    inserts: int
    chunks: int
    bytes: int


class _Day(msgspec.Struct):
    day: date
    key: str
    model: str
    calls: int
    tokens: Tokens
    searches: int
    inserts: int
    chunks: int
    bytes: int


class _Days(msgspec.Struct):
    days: list[_Day]


@with_api
def usage(api: Api, *, resource: str = typer.Argument(..., help="Its id (res_…)."), options: UsageOptions) -> None:
    """Show what a resource has consumed: its bundle month against the limits with a forecast, months, or days."""
    path = f"/resources/{resource}/consumption"
    by_day = options.days or options.split != "none" or options.span or options.back
    by_day = by_day or options.csv or options.start or options.end
    if options.months and by_day:
        raise typer.BadParameter("--months shows whole bundle months: no other of these goes with it.")
    if options.months:
        _months(api, path)
        return
    if by_day:
        _days(api, path, options=options)
        return
    reply = api.one("GET", path, kind=Consumption)
    if api.json:
        show_json(reply.raw)
    else:
        _month(reply.value)


def _month(consumption: Consumption) -> None:
    if consumption.month is not None:
        what = "refilled" if consumption.meters else "it ends"
        say(f"Bundle month from {text(consumption.month.start_at)}; {what} {text(consumption.month.end_at)}.")
    rows = [
        MeterLine(one.meter, one.used, one.limit, one.remaining, one.percent, _bar(one.percent))
        for one in consumption.meters
    ]
    if rows:
        show_rows(rows)
    if consumption.knowledge is not None:
        _knowledge(consumption, consumption.knowledge)
        return
    tokens = consumption.tokens
    estimated = f", {consumption.estimated_calls:,} of them estimated" if consumption.estimated_calls else ""
    print(f"{consumption.calls:,} calls{estimated}; model tokens: {tokens.input:,} in, {tokens.output:,} out.")
    for meter in consumption.meters:
        if meter.forecast is not None:
            print(_forecast(meter, meter.forecast))


def _forecast(meter: Meter, forecast: Forecast) -> str:
    """In words: what the month needs, and when it runs dry."""
    need = f"{meter.meter}: {forecast.expected:,} by the refill ({forecast.low:,} to {forecast.high:,})"
    if meter.remaining == 0:
        return f"{need}; used up."
    if forecast.runs_dry_at is None:
        early = forecast.runs_dry_earliest_at
        return f"{need}; it lasts{f', or with high use until {text(early)}' if early else ''}."
    latest = forecast.runs_dry_latest_at
    band = f"from {text(forecast.runs_dry_earliest_at)} to {text(latest) if latest else 'never'}"
    return f"{need}; {'likely' if forecast.likely else 'perhaps'} used up {text(forecast.runs_dry_at)} ({band})."


def _months(api: Api, path: str) -> None:
    reply = api.one("GET", f"{path}/months", kind=_Months)
    if api.json:
        show_json(reply.raw)
        return
    rows: list[MonthLine] = []
    for one in reply.value.months:
        line = MonthLine(
            one.month.start_at, calls=one.calls, searches=one.searches, inserts=one.inserts, chunks=one.chunks
        )
        rows += [
            replace(line, meter=each.meter, used=each.used, limit=each.limit, percent=each.percent)
            for each in one.meters
        ] or [line]
    show_rows(rows)


def _knowledge(consumption: Consumption, use: Knowledge) -> None:
    print(f"{use.searches:,} searches, {use.inserts:,} inserts, {use.chunks_inserted:,} chunks put in.")
    used, limit = use.disk_bytes / MEBIBYTE, consumption.disk_bytes_max / MEBIBYTE
    disk = f"{used:,.1f} MB of {limit:,.0f} MB disk {_bar(consumption.disk_percent)} {consumption.disk_percent:.1f} %"
    print(f"It holds {use.chunks:,} chunks: {disk}.")


def _days(api: Api, path: str, *, options: UsageOptions) -> None:
    query = {
        "span": options.span,
        "back": options.back or None,
        "from_at": instant(options.start),
        "to_at": instant(options.end),
        "split": options.split,
    }
    accept = "text/csv" if options.csv else "application/json"
    raw = api.send("GET", f"{path}/days", query=query, headers={"accept": accept})
    if options.csv:
        sys.stdout.write(raw.decode())
    elif api.json:
        show_json(raw)
    else:
        days = msgspec.json.decode(raw, type=_Days).days
        show_rows([_row(day) for day in days])


def _row(day: _Day) -> Day:
    tokens = day.tokens
    return Day(
        day.day,
        day.key,
        day.model,
        day.calls,
        tokens.input,
        tokens.output,
        day.searches,
        day.inserts,
        day.chunks,
        day.bytes,
    )


def _bar(percent: float) -> str:
    full = min(BAR_CHARACTERS, round(percent * BAR_CHARACTERS / 100))
    return "█" * full + "░" * (BAR_CHARACTERS - full)
