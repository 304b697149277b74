"""A chart of days, worked out here so that the page needs no script: bars on a grid of ten units a day."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec

DAY_WIDTH = 10
GAP = 2
HEIGHT = 100


class Bar(msgspec.Struct, frozen=True):
    """In the chart's own units, from its top left corner."""

    x: float
    y: float
    width: float
    height: float
    day: date
    value: int


class Chart(msgspec.Struct, frozen=True):
    """`top` is the value at the upper edge. `pace_y` is where the even pace lies, None where it lies above."""

    name: str
    unit: str
    bars: tuple[Bar, ...]
    width: int
    top: int
    total: int
    pace: int | None
    pace_y: float | None
    first: date
    last: date


def chart(name: str, unit: str, *, values: Mapping[date, int], days: Sequence[date], pace: int | None = None) -> Chart:
    """`values` by day over `days`, which follow each other; `pace` is what a day has of the limit."""
    top = _rounded_up(max((values.get(day, 0) for day in days), default=0))
    bars = tuple(
        _bar(index, day, value=value, top=top) for index, day in enumerate(days) if (value := values.get(day, 0))
    )
    return Chart(
        name=name,
        unit=unit,
        bars=bars,
        width=DAY_WIDTH * len(days),
        top=top,
        total=sum(values.get(day, 0) for day in days),
        pace=pace,
        pace_y=HEIGHT - HEIGHT * pace / top if pace is not None and pace <= top else None,
        first=days[0],
        last=days[-1],
    )


def days_between(first: date, last: date) -> tuple[date, ...]:
    """Both included."""
    return tuple(first + timedelta(days=count) for count in range((last - first).days + 1))


def _bar(index: int, day: date, *, value: int, top: int) -> Bar:
    height = max(1.0, HEIGHT * value / top)
    return Bar(index * DAY_WIDTH + GAP / 2, HEIGHT - height, DAY_WIDTH - GAP, height, day, value)


def _rounded_up(value: int) -> int:
    """To the next 1, 2 or 5 with noughts, so that the scale reads well."""
    step = 1
    while step * 10 < value:
        step *= 10
    return next(step * factor for factor in (1, 2, 5, 10) if step * factor >= max(1, value))
