"""Consumption over time: sums of a span, and the charts of its days."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec

from packhouse.domain.consumption import Consumption, DayUse, Span, Split
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.portal.chart import Chart, chart, days_between

Value = Callable[[DayUse], int]

TOKENS: tuple[tuple[str, str, str, Value], ...] = (
    ("Input tokens", "tokens", "input", lambda one: one.tokens.total - one.tokens.output),
    ("Output tokens", "tokens", "output", lambda one: one.tokens.output),
    ("Calls", "calls", "", lambda one: one.calls),
)
"""Name, unit, the meter whose limit gives the even pace, and what a day counts. Input holds what caches gave."""

KNOWLEDGE: tuple[tuple[str, str, str, Value], ...] = (
    ("Searches", "searches", "", lambda one: one.searches),
    ("Inserts", "inserts", "", lambda one: one.inserts),
)


class Totals(msgspec.Struct, frozen=True):
    """Of several days. `input` holds what was read from and written to caches."""

    calls: int
    estimated_calls: int
    tokens: ModelTokens
    searches: int
    inserts: int
    chunks: int
    bytes: int

    @property
    def input(self) -> int:
        return self.tokens.total - self.tokens.output


def totals(days: Iterable[DayUse]) -> Totals:
    days = tuple(days)
    return Totals(
        calls=sum(one.calls for one in days),
        estimated_calls=sum(one.estimated_calls for one in days),
        tokens=sum((one.tokens for one in days), ModelTokens()),
        searches=sum(one.searches for one in days),
        inserts=sum(one.inserts for one in days),
        chunks=sum(one.chunks for one in days),
        bytes=sum(one.bytes for one in days),
    )


class Share(msgspec.Struct, frozen=True):
    """What one key or model has of a span; `percent` of all its model tokens."""

    name: str
    totals: Totals
    percent: float


def shares(days: Iterable[DayUse], split: Split) -> list[Share]:
    """The greatest first; none where nothing is told apart."""
    if split == "none":
        return []
    parts: dict[str, list[DayUse]] = {}
    for one in days:
        parts.setdefault(one.key if split == "key" else one.model, []).append(one)
    sums = {name: totals(part) for name, part in parts.items()}
    whole = sum(each.tokens.total for each in sums.values())
    made = [Share(name, each, 100 * each.tokens.total / whole if whole else 0.0) for name, each in sums.items()]
    return sorted(made, key=lambda one: (-one.totals.tokens.total, one.name))


def shown(span: Span, *, now: datetime) -> Span:
    """The part of it that has been, today included."""
    tomorrow = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    return Span(span.from_at, max(span.from_at + timedelta(days=1), min(span.to_at, tomorrow)))


def charts(days: Iterable[DayUse], span: Span, *, running: Consumption | None) -> list[Chart]:
    """A chart for each count that is not zero throughout. `running`: show the even pace to its limits."""
    days = tuple(days)
    shown = days_between(span.from_at.date(), (span.to_at - timedelta(microseconds=1)).date())
    made: list[Chart] = []
    for name, unit, meter, value in (*TOKENS, *KNOWLEDGE):
        values = _by_day(days, value)
        if any(values.values()):
            made.append(chart(name, unit, values=values, days=shown, pace=_pace(running, meter)))
    return made


def _by_day(days: Iterable[DayUse], value: Value) -> Mapping[date, int]:
    """Rows of the same day, which a split tells apart, together."""
    values: dict[date, int] = {}
    for one in days:
        values[one.day] = values.get(one.day, 0) + value(one)
    return values


def _pace(running: Consumption | None, meter: str) -> int | None:
    """What a day may consume for the limit to last the bundle month."""
    if running is None or running.month is None:
        return None
    days = (running.month.end_at - running.month.start_at) / timedelta(days=1)
    return next((int(one.limit / days) for one in running.meters if one.meter == meter and one.limit), None)
