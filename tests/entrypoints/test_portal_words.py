"""How values read on the portal's pages, and the geometry of its charts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.entrypoints.portal import words
from packhouse.entrypoints.portal.chart import HEIGHT, chart, days_between

NOW = datetime(2026, 2, 21, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, "0 %"),
        (0.02, "< 0.1 %"),
        (0.1, "0.1 %"),
        (63.348, "63.3 %"),
        (50, "50 %"),
        (99.95, "> 99.9 %"),
        (100, "100 %"),
        (101.24, "101.2 %"),
    ],
)
def test_percent(value: float, read: str) -> None:
    assert words.percent(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KB"), (1536, "1.5 KB"), (5 * 1024**2, "5 MB"), (10 * 1024**3, "10 GB")],
)
def test_size(value: int, read: str) -> None:
    assert words.size(value) == read


@pytest.mark.parametrize(
    ("gap", "read"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=30), "in a moment"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(hours=5), "in 5 hours"),
        (timedelta(days=12, hours=3), "in 12 days"),
        (timedelta(days=-1500), "1,500 days ago"),
    ],
)
def test_relative(gap: timedelta, read: str) -> None:
    assert words.relative(NOW + gap, NOW) == read


def test_numbers_and_days() -> None:
    assert words.number(1_234_567) == "1,234,567"
    assert words.number(-30) == "−30"
    assert words.signed(500) == "+500"
    assert words.signed(0) == "0"
    assert words.day(date(2026, 2, 1)) == "1 Feb 2026"
    assert words.moment(NOW) == "21 Feb 2026, 13:00 UTC"
    assert words.plural(1, "search", many="searches") == "1 search"
    assert words.plural(1200, "search", many="searches") == "1,200 searches"


def test_what_no_form_has_done_says_nothing() -> None:
    assert words.done("<b>") == ""
    assert words.done("key-revoked")


def test_what_an_entry_says_besides() -> None:
    assert words.fact("2026-02-28T10:00:00+00:00", "ends_at") == "28 Feb 2026, 10:00 UTC"
    assert words.fact("soon", "ends_at") == "soon"
    assert words.fact("knowledge_base", "type") == "Knowledge base"
    assert words.fact("knowledge_base", "plan") == "knowledge_base"


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=190), st.none() | st.integers(1, 10**12))
def test_a_chart_stays_within_its_frame(values: list[int], pace: int | None) -> None:
    first = date(2026, 1, 31)
    days = days_between(first, first + timedelta(days=len(values) - 1))
    made = chart("Calls", "calls", values=dict(zip(days, values, strict=True)), days=days, pace=pace)
    assert made.total == sum(values)
    assert made.top >= max(values)
    assert len(made.bars) == sum(value > 0 for value in values)
    for bar in made.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= made.width
        assert bar.y >= 0
        assert bar.height > 0
        assert bar.y + bar.height == pytest.approx(HEIGHT)
    assert made.pace_y is None or 0 <= made.pace_y <= HEIGHT
    assert (made.first, made.last) == (days[0], days[-1])
