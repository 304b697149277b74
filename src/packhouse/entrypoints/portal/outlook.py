"""How a bundle month is likely to end, drawn for a page: what is used so far, and the forecast with its band."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from packhouse.domain.consumption import Consumption, MeterUse
from packhouse.domain.forecast import Forecast, Point
from packhouse.domain.month import BundleMonth

ROUGH_DAYS = 3.0
"""With fewer days to go by it is said that the forecast is rough."""
HIGHEST = 1.6
"""Of the limit: what lies above it is cut off."""


class Outlook(msgspec.Struct, frozen=True):
    """A meter's month on a field of 100 by 100, from its top left corner; the strings are points for SVG.

    `limit_y` is where its limit lies, `dry_x` where that is reached, None where it is not.
    """

    meter: str
    limit: int
    forecast: Forecast
    used_up: bool
    rough: bool
    so_far: str
    ahead: str
    band: str
    limit_y: float
    dry_x: float | None

    @property
    def percent(self) -> float:
        return self._of_limit(self.forecast.expected)

    @property
    def percent_low(self) -> float:
        return self._of_limit(self.forecast.low)

    @property
    def percent_high(self) -> float:
        return self._of_limit(self.forecast.high)

    def _of_limit(self, amount: int) -> float:
        return round(100 * amount / self.limit)


def outlooks(running: Consumption, now: datetime) -> list[Outlook]:
    """Of the meters that have a forecast and a limit."""
    if running.month is None:
        return []
    month = running.month
    return [
        _outlook(meter, meter.forecast, month=month, now=now)
        for meter in running.meters
        if meter.forecast is not None and meter.limit > 0
    ]


def _outlook(meter: MeterUse, forecast: Forecast, *, month: BundleMonth, now: datetime) -> Outlook:
    top = 1.06 * max(meter.limit, min(forecast.high, HIGHEST * meter.limit))
    points = forecast.points
    later = [point for point in points if point.at >= now]
    dry_at = forecast.runs_dry_at

    def drawn(line: Iterable[tuple[datetime, int]]) -> str:
        return " ".join(f"{_x(at, month):.2f},{100 - 100 * min(1.0, amount / top):.2f}" for at, amount in line)

    return Outlook(
        meter=meter.meter,
        limit=meter.limit,
        forecast=forecast,
        used_up=meter.used >= meter.limit,
        rough=forecast.observed_days < ROUGH_DAYS,
        so_far=drawn(_expected(point for point in points if point.at <= now)),
        ahead=drawn(_expected(later)),
        band=drawn([*((one.at, one.low) for one in later), *((one.at, one.high) for one in reversed(later))]),
        limit_y=round(100 - 100 * meter.limit / top, 2),
        dry_x=None if dry_at is None else round(_x(dry_at, month), 2),
    )


def _expected(points: Iterable[Point]) -> list[tuple[datetime, int]]:
    return [(point.at, point.expected) for point in points]


def _x(at: datetime, month: BundleMonth) -> float:
    return 100 * ((at - month.start_at) / (month.end_at - month.start_at))
