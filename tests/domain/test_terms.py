"""Third-party terms: accepted, in grace, missing."""

from datetime import UTC, datetime, timedelta

import pytest

from packhouse.domain.terms import Acceptance, Terms, standing
from packhouse.domain.units import CompanyId, UserId

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
TERMS = Terms(id="cohere", name="Cohere", version="2", link="https://example.com", since_at=SINCE, grace_days=30)
OLD = Acceptance(CompanyId("com_1"), "cohere", "1", SINCE - timedelta(days=99), UserId("usr_1"))
NEW = Acceptance(CompanyId("com_1"), "cohere", "2", SINCE + timedelta(days=1), UserId("usr_1"))
OTHER = Acceptance(CompanyId("com_1"), "anthropic", "2", SINCE, UserId("usr_1"))


@pytest.mark.parametrize(
    ("acceptances", "days", "state"),
    [
        ((), 0, "missing"),
        ((OTHER,), 0, "missing"),
        ((OLD,), 0, "in_grace"),
        ((OLD,), 29, "in_grace"),
        ((OLD,), 30, "missing"),
        ((OLD, NEW), 99, "accepted"),
        ((NEW,), 99, "accepted"),
    ],
)
def test_standing(acceptances: tuple[Acceptance, ...], days: int, state: str) -> None:
    assert standing(TERMS, acceptances, now=SINCE + timedelta(days=days)).state == state
