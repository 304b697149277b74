"""The bound on growth that a soak is judged by: right for a line, wide enough for noise that hangs together."""

import random

import pytest

from benchmarks.slope import slope, student_95

EVERY_SECONDS = 5.0
SAMPLES = 720


@pytest.mark.parametrize(
    ("freedom", "exact"), [(1, 6.314), (2, 2.920), (3, 2.353), (5, 2.015), (10, 1.812), (60, 1.671)]
)
def test_students_t(freedom: float, exact: float) -> None:
    assert student_95(freedom) == pytest.approx(exact, rel=0.005)


def test_a_line_is_found_whatever_its_first_quarter_was() -> None:
    hours = [number * EVERY_SECONDS / 3600 for number in range(SAMPLES)]
    values = [100 + 7 * hour if hour > 0.24 else 900 * hour for hour in hours]
    found = slope([hour * 3600 for hour in hours], values)
    assert found is not None
    assert found.an_hour == pytest.approx(7)
    assert found.lower == pytest.approx(found.upper)


@pytest.mark.parametrize("likeness", [0.0, 0.9, 0.98])
def test_the_bound_is_passed_in_few_cases_though_samples_resemble_those_before_them(likeness: float) -> None:
    dice, runs = random.Random(3), 200
    bounded = sum(_covered(dice, likeness) for _ in range(runs))
    assert bounded >= runs * 0.9


def test_growth_that_is_there_is_seen_through_noise() -> None:
    dice = random.Random(5)
    found = slope(*_series(dice, 0.9, growth=60.0))
    assert found is not None
    assert 0 < found.lower < 60 < found.upper


def test_too_few_samples_tell_nothing() -> None:
    assert slope([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]) is None


def _covered(dice: random.Random, likeness: float) -> bool:
    found = slope(*_series(dice, likeness, growth=0.0))
    assert found is not None
    return found.upper > 0


def _series(dice: random.Random, likeness: float, *, growth: float) -> tuple[list[float], list[float]]:
    times, values, noise = list[float](), list[float](), 0.0
    for number in range(SAMPLES):
        noise = likeness * noise + dice.gauss(0, 1)
        times.append(number * EVERY_SECONDS)
        values.append(100 + growth * times[-1] / 3600 + noise)
    return times, values
