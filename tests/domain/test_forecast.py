"""The forecast: what a bundle month comes to, when it runs dry, and how sure that is."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.forecast import PAST_DAYS, DayTokens, Forecast, Spell, forecast, forecasts, spells
from packhouse.domain.month import BundleMonth
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.units import ModelTokens

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""A Monday."""
MONTH = BundleMonth(START, datetime(2026, 4, 2, 10, tzinfo=UTC))


def past(amounts: list[int], now: datetime, share: float = 1.0) -> list[Spell]:
    """A spell a UTC day until now, the last of them `share` of a day long."""
    midnight = now - share * DAY
    days = [
        Spell(midnight - back * DAY, midnight - (back - 1) * DAY, amounts[-back - 1]) for back in range(1, len(amounts))
    ]
    return [*sorted(days, key=lambda spell: spell.from_at), Spell(midnight, now, amounts[-1])]


def even(days: int, amount: int, *, now: datetime, limit: int) -> Forecast:
    found = forecast(MONTH, now=now, limit=limit, used=days * amount, past=past([amount] * days, now))
    assert found is not None
    return found


def midnight(days: int) -> datetime:
    return datetime(2026, 3, 2, tzinfo=UTC) + days * DAY


def test_even_use_goes_on() -> None:
    now = midnight(11)
    found = even(10, 1000, now=now, limit=22_000)
    left = (MONTH.end_at - now) / DAY
    assert found.expected == pytest.approx(10_000 + 1000 * left, abs=2)
    assert found.runs_dry_at is not None
    assert abs(found.runs_dry_at - (now + 12 * DAY)) < timedelta(minutes=1)
    assert found.runs_dry_earliest_at is not None
    assert found.runs_dry_latest_at is not None
    assert found.runs_dry_earliest_at < found.runs_dry_at < found.runs_dry_latest_at
    assert found.likely
    assert found.points[0].at == now
    assert found.points[-1].at == MONTH.end_at


def test_what_lasts_does_not_run_dry() -> None:
    found = even(10, 1000, now=midnight(11), limit=200_000)
    assert (found.runs_dry_at, found.runs_dry_earliest_at, found.runs_dry_latest_at) == (None, None, None)
    assert not found.likely


def test_nothing_to_go_by() -> None:
    assert forecast(MONTH, now=midnight(9), limit=100, used=0, past=[]) is None
    assert forecast(MONTH, now=midnight(9), limit=100, used=0, past=past([0] * 9, midnight(9))) is None


def test_an_hour_gives_a_band_several_times_as_wide_and_weeks_one_of_a_few_per_cent() -> None:
    def width(found: Forecast | None, used: int) -> float:
        assert found is not None
        return (found.high - found.low) / (found.expected - used)

    now = START + DAY / 24
    hour = forecast(MONTH, now=now, limit=10, used=100, past=[Spell(START, now, 100)])
    assert width(hour, 100) > 3
    weeks = even(42, 1000, now=midnight(20), limit=10**9)
    assert width(weeks, 42_000) < 0.2
    few = even(3, 1000, now=midnight(3), limit=10**9)
    assert 0.4 < width(few, 3000) < 1


def test_one_busy_first_hour_raises_no_alarm_and_days_do() -> None:
    now = START + DAY / 24
    hour = forecast(MONTH, now=now, limit=10_000, used=100, past=[Spell(START, now, 100)])
    assert hour is not None
    assert hour.expected > 50_000
    assert hour.runs_dry_at is not None
    assert not hour.likely
    one_burst = forecast(MONTH, now=midnight(6), limit=10_000, used=3000, past=past([3000, 0, 0, 0, 0], midnight(6)))
    assert one_burst is not None
    assert not one_burst.likely
    assert even(4, 1000, now=midnight(5), limit=10_000).likely
    used_up = forecast(MONTH, now=now, limit=100, used=100, past=[Spell(START, now, 100)])
    assert used_up is not None
    assert used_up.likely


def test_weekdays_are_told_apart_when_they_are_known() -> None:
    now = midnight(19)  # a Saturday
    weekly = [1000 if (now - back * DAY).weekday() < 5 else 0 for back in range(28, 0, -1)]
    used = sum(weekly[-17:])
    found = forecast(MONTH, now=now, limit=10**9, used=used, past=past(weekly, now))
    assert found is not None
    weekend = found.points[2].expected - used
    monday = found.points[3].expected - found.points[2].expected
    assert weekend < monday / 3
    plain = forecast(MONTH, now=now, limit=10**9, used=used, past=past(weekly[-8:], now))
    assert plain is not None
    assert plain.points[1].expected - used == pytest.approx(plain.points[3].expected - plain.points[2].expected, abs=2)


def test_newer_days_count_more() -> None:
    now = midnight(15)
    rising = forecast(MONTH, now=now, limit=10**9, used=0, past=past([100] * 7 + [900] * 6, now))
    falling = forecast(MONTH, now=now, limit=10**9, used=0, past=past([900] * 7 + [100] * 6, now))
    assert rising is not None
    assert falling is not None
    assert rising.expected > 1.2 * falling.expected


def test_spells_fill_what_took_nothing_and_leave_out_when_nothing_could_be_used() -> None:
    since, now = datetime(2026, 3, 1, 18, tzinfo=UTC), datetime(2026, 3, 4, 6, tzinfo=UTC)
    uses = {date(2026, 3, 1): 5, date(2026, 3, 3): 7}
    assert spells(uses, since_at=since, now=now) == [
        Spell(since, midnight(0), 5),
        Spell(midnight(0), midnight(1), 0),
        Spell(midnight(1), midnight(2), 7),
        Spell(midnight(2), now, 0),
    ]
    dry = BundleMonth(datetime(2026, 3, 1, 23, tzinfo=UTC), midnight(1))
    assert [spell.amount for spell in spells(uses, since_at=since, now=now, dry=[dry])] == [5, 7, 0]
    long = spells({}, since_at=now - 400 * DAY, now=now)
    assert long[0].from_at == midnight(2) - PAST_DAYS * DAY
    assert sum(spell.share for spell in long) == pytest.approx(PAST_DAYS + 0.25)


def test_a_month_that_ran_dry_does_not_make_the_next_one_look_idle() -> None:
    before = BundleMonth(datetime(2026, 2, 2, 10, tzinfo=UTC), START)
    limits = [MeterLimit("input", Weights(input=1), 10_000), MeterLimit("output", Weights(output=1), 10_000)]
    tokens = ModelTokens(1000, 10)
    days = [DayTokens(date(2026, 2, 3) + back * DAY, before.start_at, tokens) for back in range(10)]
    days.append(DayTokens(START.date(), START, ModelTokens(500, 5)))
    found = forecasts(
        MONTH,
        now=midnight(1),
        anchor_at=before.start_at,
        limits={START: limits, before.start_at: limits},
        used={"input": 500, "output": 5},
        days=days,
    )
    meter, other = found["input"], found["output"]
    assert meter is not None
    assert other is not None
    assert meter.expected == pytest.approx(31_000, rel=0.1)
    assert other.expected == pytest.approx(310, rel=0.1)  # nothing could be called without the one that was used up
    assert meter.observed_days == pytest.approx(10.6, abs=0.2)


amounts = st.lists(st.integers(0, 10**7), min_size=1, max_size=PAST_DAYS)
instants = st.integers(0, 31 * 24 * 60 - 1).map(lambda minutes: START + timedelta(minutes=minutes))


@given(amounts=amounts, now=instants, limit=st.integers(0, 10**9), used=st.integers(0, 10**9))
def test_the_band_holds_the_forecast_and_nothing_runs_dry_before_now(
    amounts: list[int], now: datetime, limit: int, used: int
) -> None:
    found = forecast(MONTH, now=now, limit=limit, used=used, past=past(amounts, now, 0.4))
    if found is None:
        assert not any(amounts)
        return
    assert used <= found.low <= found.expected <= found.high
    last = found.points[0]
    for point in found.points:
        assert last.at <= point.at <= MONTH.end_at
        assert last.low <= point.low <= point.expected <= point.high
        assert last.expected <= point.expected
        last = point
    ends = [at or MONTH.end_at for at in (found.runs_dry_earliest_at, found.runs_dry_at, found.runs_dry_latest_at)]
    assert ends == sorted(ends)
    assert ends[0] >= now
    if used >= limit:
        assert ends == [now] * 3
        assert found.likely
    if found.likely:
        assert found.runs_dry_at is not None or found.expected == limit


@given(
    amounts=amounts, now=instants, limit=st.integers(1, 10**9), used=st.integers(0, 10**9), more=st.integers(0, 10**9)
)
def test_who_used_more_needs_more_and_runs_dry_no_later(
    amounts: list[int], now: datetime, limit: int, used: int, more: int
) -> None:
    spells = past(amounts, now, 0.4)
    less_used = forecast(MONTH, now=now, limit=limit, used=used, past=spells)
    more_used = forecast(MONTH, now=now, limit=limit, used=used + more, past=spells)
    if less_used is None or more_used is None:
        assert less_used is more_used
        return
    assert (less_used.low, less_used.expected, less_used.high) <= (more_used.low, more_used.expected, more_used.high)
    assert more_used.expected - less_used.expected == more
    assert (more_used.runs_dry_at or MONTH.end_at) <= (less_used.runs_dry_at or MONTH.end_at)
    assert more_used.likely or not less_used.likely
