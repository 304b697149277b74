"""Thresholds are said once each, of several the highest; retries wait longer each time and end after about a day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.alert import ATTEMPTS_MAX, RETRY_AFTER, AlertKind, Standing, passed, retry_after, unsaid
from packhouse.domain.units import CompanyId, ResourceId

START = datetime(2026, 11, 3, 10, tzinfo=UTC)


def standing(used: int, limit: int = 1_000) -> Standing:
    return Standing(
        company_id=CompanyId("com_1"),
        resource_id=ResourceId("res_1"),
        resource_name="Chat",
        month_start_at=START,
        refill_at=START + timedelta(days=30),
        meter="output",
        used=used,
        limit=limit,
    )


@pytest.mark.parametrize(
    ("used", "limit", "kinds"),
    [
        (799, 1_000, []),
        (800, 1_000, ["used_80"]),
        (899, 1_000, ["used_80"]),
        (900, 1_000, ["used_80", "used_90"]),
        (1_000, 1_000, ["used_80", "used_90", "used_100"]),
        (1_200, 1_000, ["used_80", "used_90", "used_100"]),
        (0, 0, []),
        (5, 0, []),
        # fewer than 16 are left, which no call can use
        (999_985, 1_000_000, ["used_80", "used_90", "used_100"]),
        (999_984, 1_000_000, ["used_80", "used_90"]),
        # of a small limit they are a large part
        (90, 100, ["used_80", "used_90"]),
    ],
)
def test_thresholds(used: int, limit: int, kinds: list[AlertKind]) -> None:
    assert passed(used, limit) == kinds


def test_of_several_that_are_passed_at_once_the_highest_is_told() -> None:
    assert unsaid(standing(950), ()) == [("used_80", False), ("used_90", True)]
    assert unsaid(standing(1_000), ()) == [("used_80", False), ("used_90", False), ("used_100", True)]


def test_what_is_known_is_not_said_again() -> None:
    assert unsaid(standing(850), {"used_80"}) == []
    assert unsaid(standing(950), {"used_80"}) == [("used_90", True)]
    assert unsaid(standing(1_000), {"used_80", "used_90", "used_100", "runs_dry"}) == []


def test_after_an_upgrade_a_threshold_that_was_said_is_not_said_again() -> None:
    known: set[AlertKind] = {"used_80", "used_90"}
    assert unsaid(standing(850, 2_000), known) == []
    assert unsaid(standing(1_700, 2_000), known) == []
    assert unsaid(standing(2_000, 2_000), known) == [("used_100", True)]


@given(st.lists(st.integers(0, 1_100), max_size=12))
def test_each_threshold_is_put_down_once_and_told_at_most_once(uses: list[int]) -> None:
    known: list[AlertKind] = []
    told: list[AlertKind] = []
    for used in sorted(uses):
        new = unsaid(standing(used), known)
        known.extend(kind for kind, _ in new)
        told.extend(kind for kind, is_told in new if is_told)
        assert sum(is_told for _, is_told in new) <= 1
    assert len(set(known)) == len(known)
    assert known == passed(max(uses, default=0), 1_000)
    assert told == sorted(told, key=known.index)
    assert not known or told[-1] == known[-1]


@given(st.text("abcdef0123456789", min_size=1))
def test_retries_wait_longer_each_time_for_about_a_day(delivery_id: str) -> None:
    waits = [retry_after(delivery_id, attempts) for attempts in range(1, ATTEMPTS_MAX)]
    for wait, after in zip(waits, RETRY_AFTER, strict=True):
        assert wait is not None
        assert 0.8 * after <= wait <= 1.2 * after
    assert retry_after(delivery_id, ATTEMPTS_MAX) is None
    assert timedelta(hours=18) < sum((wait for wait in waits if wait), timedelta()) < timedelta(hours=28)


def test_what_failed_together_is_not_tried_together_again() -> None:
    assert len({retry_after(f"dlv_{number}", 4) for number in range(100)}) == 100
