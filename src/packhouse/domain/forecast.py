"""Whether a pack lasts until its refill: what its bundle month is likely to take, and when it would run dry.

A day's need is taken to be what the UTC days behind us took. Newer ones count more, half as much for each
`HALF_LIFE_DAYS`. Each weekday is apart once `WEEKDAYS_FROM` whole days are known, drawn a little towards the mean of
all. The band is an 80 % one: a tenth lies above, a tenth below. It comes from how much days differ from what the
method says of them, both for the days to come and for the mean itself, by Student's t. As few days say little about how
much days differ, two further days are taken to have differed by half the mean: an hour of use gives a band several
times as wide as the forecast, weeks of even use one of a few per cent. Within a day use is taken to be even.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from math import ceil, floor, sqrt

import msgspec

from packhouse.domain.month import BundleMonth, bundle_month
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.units import ModelTokens

PAST_DAYS = 42
"""Older days are not looked at."""
HALF_LIFE_DAYS = 7.0
WEEKDAYS_FROM = 14
EVIDENCE_DAYS = 3.0
"""Observed for less than this, nothing is called likely."""
BUSY_DAYS = 2

_DAY = timedelta(days=1)
_ASSUMED_DAYS = 2.0
_ASSUMED_SPREAD = 0.5
_DRAWN_DAYS = 0.2
"""A weekday is drawn towards the mean as if so much of such a day had been like the mean."""
_ALL_BUT = 0.98
"""Of a limit; what remains then is too little for most calls."""
_TENTH = 1.2815515655446004
"""The normal distribution's upper tenth lies above this."""


class Spell(msgspec.Struct, frozen=True):
    """What a meter took from `from_at` (inclusive) to `to_at` (exclusive), which lie in one UTC day."""

    from_at: datetime
    to_at: datetime
    amount: int

    @property
    def share(self) -> float:
        """Of a day."""
        return (self.to_at - self.from_at) / _DAY


class DayTokens(msgspec.Struct, frozen=True):
    """Of the calls of a UTC day that were admitted in the bundle month that starts at `month_start_at`."""

    day: date
    month_start_at: datetime
    tokens: ModelTokens


class Point(msgspec.Struct, frozen=True):
    """What will have been used by `at`: `low` <= `expected` <= `high`."""

    at: datetime
    expected: int
    low: int
    high: int


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Of one meter. `expected`, `low` and `high` are what the whole bundle month needs, past the limit too, where the
    quota would refuse it; the band is an 80 % one.

    `runs_dry_at` is when the limit is reached, `runs_dry_earliest_at` and `runs_dry_latest_at` its band, each None
    where that is not before the refill. `likely` is what may raise an alarm: the limit is reached at odds of three to
    one or better, by at least `EVIDENCE_DAYS` of observation with something on `BUSY_DAYS` of them, so that one busy
    first hour raises none. `observed_days` is what it rests on, from the first use on. `points` lead from now to the
    refill, now itself and the end of each UTC day; `forecasts` puts those of the month's past before them.
    """

    expected: int
    low: int
    high: int
    runs_dry_at: datetime | None
    runs_dry_earliest_at: datetime | None
    runs_dry_latest_at: datetime | None
    likely: bool
    observed_days: float
    points: tuple[Point, ...]


def forecast(month: BundleMonth, *, now: datetime, limit: int, used: int, past: Sequence[Spell]) -> Forecast | None:
    """What the running bundle month of a meter comes to, of which `used` is used, by the spells of the past.

    None where the past has no use at all. `now` lies in the month. A meter that is used up runs dry now.
    """
    assert month.start_at <= now < month.end_at, (month, now)
    past = _since_first_use(past)
    if not past:
        return None
    need = _need(past, now)
    points = tuple(_points(need, month.end_at, now=now, used=used))
    end = points[-1]
    busy = {spell.from_at.date() for spell in past if spell.amount}
    observed_days = sum(spell.share for spell in past)
    evidence = observed_days >= EVIDENCE_DAYS and len(busy) >= BUSY_DAYS
    return Forecast(
        expected=end.expected,
        low=end.low,
        high=end.high,
        runs_dry_at=_reached(points, [point.expected for point in points], limit=limit),
        runs_dry_earliest_at=_reached(points, [point.high for point in points], limit=limit),
        runs_dry_latest_at=_reached(points, [point.low for point in points], limit=limit),
        likely=used >= limit or (evidence and any(point.low + point.expected >= 2 * limit for point in points)),
        observed_days=observed_days,
        points=points,
    )


def spells(
    uses: Mapping[date, int], *, since_at: datetime, now: datetime, dry: Sequence[BundleMonth] = ()
) -> list[Spell]:
    """UTC days from `since_at` (no earlier than `PAST_DAYS` before) until now as spells; days that `uses` leaves out
    took nothing. `dry` are times in which the meter was used up: as nothing could be used, they say nothing."""
    day = max(since_at, _midnight(now) - PAST_DAYS * _DAY)
    found: list[Spell] = []
    while day < now:
        end = min(_midnight(day) + _DAY, now)
        start = max((each.end_at for each in dry if each.start_at <= day < each.end_at), default=day)
        if start < end:
            found.append(Spell(start, end, uses.get(day.date(), 0)))
        day = end
    return found


def forecasts(
    month: BundleMonth,
    *,
    now: datetime,
    anchor_at: datetime,
    limits: Mapping[datetime, Sequence[MeterLimit]],
    used: Mapping[str, int],
    days: Sequence[DayTokens],
) -> Mapping[str, Forecast | None]:
    """The forecast of each meter of the running bundle month of a resource that was activated at `anchor_at`.

    `limits` are those of the running month and of months before it, by their starts; `days` are what was taken from
    `PAST_DAYS` ago on, and earlier within those months, so that it can be seen when one of them was used up.
    """
    found: dict[str, Forecast | None] = {}
    for meter in limits[month.start_at]:
        dry: list[BundleMonth] = []
        uses: dict[date, int] = {}
        for one in days:
            uses[one.day] = uses.get(one.day, 0) + meter.weights.amount(one.tokens)
        for start_at, then in limits.items():
            theirs = [one for one in days if one.month_start_at == start_at]
            dry.extend(_dry(bundle_month(anchor_at, start_at), theirs, limits=then))
        past = spells(uses, since_at=anchor_at, now=now, dry=dry)
        amount = used.get(meter.meter, 0)
        ahead = forecast(month, now=now, limit=meter.limit, used=amount, past=past)
        behind = _behind(month, days, weights=meter.weights)
        found[meter.meter] = ahead and msgspec.structs.replace(ahead, points=(*behind, *ahead.points))
    return found


def _behind(month: BundleMonth, days: Sequence[DayTokens], *, weights: Weights) -> list[Point]:
    """What was used by the end of each day before the last one."""
    theirs = [one for one in days if one.month_start_at == month.start_at][:-1]
    points = [Point(month.start_at, 0, 0, 0)]
    for one, used in zip(theirs, accumulate(weights.amount(one.tokens) for one in theirs), strict=True):
        points.append(Point(_after(one.day), used, used, used))
    return points


def _after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + _DAY


def _dry(month: BundleMonth, days: Sequence[DayTokens], *, limits: Sequence[MeterLimit]) -> list[BundleMonth]:
    """From the day after a meter was all but used up, to the end of the month: no call goes without any of them."""
    found: list[BundleMonth] = []
    for meter in limits:
        amounts = accumulate(meter.weights.amount(one.tokens) for one in days)
        for one, amount in zip(days, amounts, strict=True):
            if amount >= _ALL_BUT * meter.limit:
                found.append(BundleMonth(_after(one.day), month.end_at))
                break
    return found


class _Need(msgspec.Struct, frozen=True):
    """A day's need by weekday, how much a day differs from it, and how many even days say as much as the past does.

    `quantile` is Student's, for the band.
    """

    by_weekday: tuple[float, ...]
    spread: float
    days: float
    quantile: float


def _since_first_use(past: Sequence[Spell]) -> Sequence[Spell]:
    """A pack says nothing of what it will need before it is used at all."""
    first = next((index for index, spell in enumerate(past) if spell.amount), len(past))
    return past[first:]


def _need(past: Sequence[Spell], now: datetime) -> _Need:
    fresh = [0.5 ** ((now - spell.to_at) / _DAY / HALF_LIFE_DAYS) for spell in past]
    weights = [spell.share * each for spell, each in zip(past, fresh, strict=True)]
    by_weekday = _by_weekday(past, weights)
    mean = _mean(past, weights)
    days = sum(weights) ** 2 / sum(weight * each for weight, each in zip(weights, fresh, strict=True))
    off = [
        weight * (spell.amount / spell.share - by_weekday[spell.from_at.weekday()]) ** 2
        for spell, weight in zip(past, weights, strict=True)
    ]
    assumed = _ASSUMED_DAYS * (_ASSUMED_SPREAD * mean) ** 2
    freedom = _ASSUMED_DAYS + max(0.0, days - 1)
    return _Need(by_weekday, sqrt((assumed + days * sum(off) / sum(weights)) / freedom), days, _students_tenth(freedom))


def _mean(past: Sequence[Spell], weights: Sequence[float]) -> float:
    """What a day takes."""
    takes = sum(weight * spell.amount / spell.share for spell, weight in zip(past, weights, strict=True))
    return takes / sum(weights)


def _by_weekday(past: Sequence[Spell], weights: Sequence[float]) -> tuple[float, ...]:
    mean = _mean(past, weights)
    if sum(spell.share == 1 for spell in past) < WEEKDAYS_FROM:
        return (mean,) * 7
    takes, seen = [_DRAWN_DAYS * mean] * 7, [_DRAWN_DAYS] * 7
    for spell, weight in zip(past, weights, strict=True):
        day = spell.from_at.weekday()
        takes[day] += weight * spell.amount / spell.share
        seen[day] += weight
    return tuple(take / weight for take, weight in zip(takes, seen, strict=True))


def _points(need: _Need, end_at: datetime, *, now: datetime, used: int) -> Iterator[Point]:
    yield Point(now, used, used, used)
    at, ahead, days, low = now, 0.0, 0.0, 0.0
    while at < end_at:
        end = min(_midnight(at) + _DAY, end_at)
        ahead += need.by_weekday[at.weekday()] * ((end - at) / _DAY)
        days = (end - now) / _DAY
        band = need.quantile * need.spread * sqrt(days + days * days / need.days)
        low = max(low, ahead - band)  # what is used stays used
        yield Point(end, used + round(ahead), used + floor(low), used + ceil(ahead + band))
        at = end


def _reached(points: Sequence[Point], amounts: Sequence[int], *, limit: int) -> datetime | None:
    """When the amounts at the points come to the limit; None where they do not before the last."""
    if amounts[0] >= limit:
        return points[0].at
    for index in range(1, len(points)):
        before, amount = amounts[index - 1], amounts[index]
        if amount >= limit:
            start_at, share = points[index - 1].at, (limit - before) / (amount - before)
            at = start_at + share * (points[index].at - start_at)
            return at if at < points[-1].at else None
    return None


def _students_tenth(freedom: float) -> float:
    """Student's t with so many degrees of freedom, at least 2, lies above this for a tenth: the expansion around the
    normal quantile (Abramowitz and Stegun 26.7.5), which is good to a hundredth here."""
    z = _TENTH
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (index + 1) for index, term in enumerate(terms))


def _midnight(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
