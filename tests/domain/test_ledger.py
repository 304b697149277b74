"""The ledger: what each maker books, and what it refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from packhouse.domain import ledger
from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Balance, Books, Contract, Transaction, statement
from packhouse.domain.units import CompanyId, ContractId, ResourceId, UserId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RES = ResourceId("res_1")


def contract(name: str, start: int, end: int) -> Contract:
    return Contract(
        id=ContractId(name),
        company_id=CompanyId("com_1"),
        reference=name,
        start_at=NOW + start * DAY,
        end_at=NOW + end * DAY,
    )


SOON = contract("con_soon", -10, 20)
LATE = contract("con_late", -5, 300)
NEXT = contract("con_next", 20, 380)


def books(**grants: int) -> Books:
    found = Books((SOON, LATE, NEXT), {})
    for one in (SOON, LATE, NEXT):
        amount = grants.get(one.id.removeprefix("con_"), 0)
        if amount:
            found = found.posted(ledger.granted(one, amount, now=NOW))
    return found


def test_an_allocation_draws_on_the_contract_that_ends_first_and_splits() -> None:
    before = books(soon=10, late=100)
    after = before.posted(ledger.allocated(before, RES, cloud_tokens=30, at=NOW, pack="Text generation S"))
    assert [(one.id, amount) for one, amount in after.allocations(RES)] == [("con_soon", 10), ("con_late", 20)]
    assert after.balance() == Balance(granted=110, allocated=30, available=80, expired=0)


def test_a_contract_that_has_not_started_does_not_pay() -> None:
    with pytest.raises(Refused) as refused:
        ledger.allocated(books(next=100), RES, cloud_tokens=1, at=NOW, pack="")
    assert refused.value.code == "balance_short"
    assert refused.value.facts == {"needed": 1, "available": 0, "missing": 1}


def test_without_a_running_contract_nothing_is_allocated() -> None:
    with pytest.raises(Refused) as refused:
        ledger.allocated(books(soon=10), RES, cloud_tokens=1, at=NOW + 500 * DAY, pack="")
    assert refused.value.code == "contract_over"


def test_a_grant_to_a_later_contract_counts_from_its_start() -> None:
    assert ledger.granted(NEXT, 5, now=NOW).effective_at == NEXT.start_at
    assert ledger.granted(SOON, 5, now=NOW).effective_at == NOW


@pytest.mark.parametrize("amount", [0, -1])
def test_a_grant_is_positive(amount: int) -> None:
    with pytest.raises(Refused) as refused:
        ledger.granted(SOON, amount, now=NOW)
    assert refused.value.code == "invalid_request"


def test_nothing_is_booked_to_a_contract_that_is_over() -> None:
    with pytest.raises(Refused) as refused:
        ledger.granted(SOON, 1, now=SOON.end_at)
    assert refused.value.code == "contract_over"


def test_a_part_is_released_to_the_contract_that_ends_last() -> None:
    before = books(soon=10, late=100)
    before = before.posted(ledger.allocated(before, RES, cloud_tokens=30, at=NOW, pack=""))
    entry = ledger.released(before, RES, cloud_tokens=25, at=NOW + DAY)
    assert entry is not None
    assert [(one.id, amount) for one, amount in before.posted(entry).allocations(RES)] == [("con_soon", 5)]


def test_what_comes_back_to_a_contract_that_is_over_expires() -> None:
    before = books(soon=10)
    before = before.posted(ledger.allocated(before, RES, cloud_tokens=10, at=NOW, pack=""))
    entry = ledger.released(before, RES, cloud_tokens=None, at=SOON.end_at)
    assert entry is not None
    assert before.posted(entry).balance() == Balance(granted=10, allocated=0, available=0, expired=10)


def test_a_correction_takes_no_more_than_is_available_and_needs_a_reason() -> None:
    before = books(soon=10)
    before = before.posted(ledger.allocated(before, RES, cloud_tokens=8, at=NOW, pack=""))
    with pytest.raises(Refused) as refused:
        ledger.corrected(before, SOON, cloud_tokens=-3, now=NOW, note="booked twice")
    assert refused.value.code == "balance_short"
    with pytest.raises(Refused) as refused:
        ledger.corrected(before, SOON, cloud_tokens=-2, now=NOW, note=" ")
    assert (refused.value.code, refused.value.facts["field"]) == ("invalid_request", "note")
    with pytest.raises(Refused) as refused:
        ledger.corrected(before, SOON, cloud_tokens=0, now=NOW, note="booked twice")
    assert (refused.value.code, refused.value.facts["field"]) == ("invalid_request", "cloud_tokens")
    after = before.posted(ledger.corrected(before, SOON, cloud_tokens=-2, now=NOW, note="booked twice"))
    assert after.balance() == Balance(granted=8, allocated=8, available=0, expired=0)


def test_the_statement_runs_by_the_instant_from_which_entries_count() -> None:
    later = ledger.granted(NEXT, 7, now=NOW)
    first = ledger.granted(SOON, 10, now=NOW)
    drawn = ledger.allocated(books(soon=10), RES, cloud_tokens=4, at=NOW + DAY, pack="Embeddings S")
    transactions = [
        Transaction(
            id=str(number),
            company_id=CompanyId("com_1"),
            number=number,
            recorded_at=NOW,
            recorded_by=UserId("usr_1"),
            entry=entry,
        )
        for number, entry in enumerate([later, first, drawn], start=1)
    ]
    lines = [(line.cloud_tokens, line.remaining_cloud_tokens) for line in statement(transactions)]
    assert lines == [(10, 10), (-4, 6), (7, 13)]
