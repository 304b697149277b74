"""Bundle months: anchored, clamped, and tiling time without gap or overlap."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.month import bundle_month

INSTANT = timedelta(microseconds=1)
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
instants = st.timedeltas(timedelta(0), timedelta(days=130 * 365)).map(lambda since: BEGINNING + since)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "instant", "start", "end"),
    [
        ("2026-01-31T10:00", "2026-01-31T10:00", "2026-01-31T10:00", "2026-02-28T10:00"),
        ("2026-01-31T10:00", "2026-02-28T09:59:59.999999", "2026-01-31T10:00", "2026-02-28T10:00"),
        ("2026-01-31T10:00", "2026-02-28T10:00", "2026-02-28T10:00", "2026-03-31T10:00"),
        ("2024-01-31T10:00", "2024-02-29T10:00", "2024-02-29T10:00", "2024-03-31T10:00"),
        ("2026-01-31T10:00", "2026-04-30T12:00", "2026-04-30T10:00", "2026-05-31T10:00"),
        ("2026-01-29T00:00", "2026-03-01T00:00", "2026-02-28T00:00", "2026-03-29T00:00"),
        ("2028-01-30T00:00", "2028-02-29T00:00", "2028-02-29T00:00", "2028-03-30T00:00"),
        ("2026-05-15T23:30", "2026-12-31T00:00", "2026-12-15T23:30", "2027-01-15T23:30"),
        ("2024-02-29T08:00", "2025-03-01T00:00", "2025-02-28T08:00", "2025-03-29T08:00"),
    ],
)
def test_examples(anchor: str, instant: str, start: str, end: str) -> None:
    month = bundle_month(at(anchor), at(instant))
    assert (month.start_at, month.end_at) == (at(start), at(end))


@given(instants, instants)
def test_months_tile_time(anchor: datetime, instant: datetime) -> None:
    month = bundle_month(anchor, instant)
    assert month.start_at <= instant < month.end_at
    assert bundle_month(anchor, month.start_at) == month
    assert bundle_month(anchor, month.end_at - INSTANT) == month
    following = bundle_month(anchor, month.end_at)
    assert following.start_at == month.end_at
    before = bundle_month(anchor, month.start_at - INSTANT)
    assert before.end_at == month.start_at


@given(instants, instants)
def test_a_boundary_is_the_anchors_day_or_the_last_of_its_month(anchor: datetime, instant: datetime) -> None:
    start = bundle_month(anchor, instant).start_at
    assert start.timetz() == anchor.timetz()
    assert start.day == min(anchor.day, monthrange(start.year, start.month)[1])


@given(instants)
def test_the_first_month_begins_at_the_anchor(anchor: datetime) -> None:
    assert bundle_month(anchor, anchor).start_at == anchor


def test_other_time_zones_are_the_same_instant() -> None:
    anchor = at("2026-01-31T10:00")
    instant = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert bundle_month(anchor, instant) == bundle_month(anchor, instant.astimezone(UTC))
