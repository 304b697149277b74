"""What falls due: conservation over random histories, and that it does not matter who looks when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.domain import ledger
from packhouse.domain.due import Due, Stake, due
from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Account, Books, Contract, Entry
from packhouse.domain.month import bundle_month
from packhouse.domain.units import CompanyId, ContractId, ResourceId

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Company:
    """A company's books, driven as the services drive them: what is due is settled before anything else."""

    def __init__(self) -> None:
        self.now = START
        self.contracts: list[Contract] = []
        self.entries: list[Entry] = []
        self.stakes: dict[ResourceId, Stake] = {}
        self.ended: dict[ResourceId, datetime] = {}

    def books(self, at: datetime | None) -> Books:
        books = Books(tuple(self.contracts), {})
        for entry in self.entries:
            if at is None or entry.effective_at <= at:
                books = books.posted(entry)
        return books

    def settle(self) -> Due:
        found = due(self.books(self.now), self.stakes.values(), now=self.now)
        self.entries.extend(found.entries)
        for resource_id, at in found.must_end:
            self.stakes[resource_id] = msgspec.structs.replace(
                self.stakes[resource_id], ends_at=at, shrinks_at=None, shrinks_by=0
            )
        for resource_id, _ in found.shrunk:
            self.stakes[resource_id] = msgspec.structs.replace(self.stakes[resource_id], shrinks_at=None, shrinks_by=0)
        for resource_id, at in found.ended:
            self.ended[resource_id] = at
            del self.stakes[resource_id]
        return found

    def sign(self, start_in: int, length: int, cloud_tokens: int) -> None:
        contract = Contract(
            id=ContractId(f"con_{len(self.contracts)}"),
            company_id=CompanyId("com_1"),
            reference="",
            start_at=self.now + start_in * DAY,
            end_at=self.now + (start_in + length) * DAY,
        )
        self.contracts.append(contract)
        self.entries.append(ledger.granted(contract, cloud_tokens, now=self.now))

    def provision(self, price: int) -> None:
        resource_id = ResourceId(f"res_{len(self.stakes) + len(self.ended):03}")
        entry = ledger.allocated(self.books(self.now), resource_id, cloud_tokens=price, at=self.now, pack="S")
        self.entries.append(entry)
        self.stakes[resource_id] = Stake(resource_id=resource_id, anchor_at=self.now, pack="S")

    def schedule(self, pick: int, share: int | None) -> None:
        """End a resource (None), or let it shrink by a share of what it holds, in hundredths."""
        if not self.stakes:
            return
        stake = sorted(self.stakes.values(), key=lambda one: one.resource_id)[pick % len(self.stakes)]
        at = bundle_month(stake.anchor_at, self.now).end_at
        if share is None:
            change = msgspec.structs.replace(stake, ends_at=at, shrinks_at=None, shrinks_by=0)
        elif stake.ends_at is not None:
            return
        else:
            held = sum(amount for _, amount in self.books(self.now).allocations(stake.resource_id))
            change = msgspec.structs.replace(stake, shrinks_at=at, shrinks_by=held * share // 100)
        self.stakes[stake.resource_id] = change

    def correct(self, pick: int, cloud_tokens: int) -> None:
        if self.contracts:
            contract = self.contracts[pick % len(self.contracts)]
            books = self.books(None)
            self.entries.append(ledger.corrected(books, contract, cloud_tokens=cloud_tokens, now=self.now, note="why"))


acts = st.one_of(
    st.tuples(st.just("sign"), st.integers(0, 60), st.integers(1, 200), st.integers(1, 300)),
    st.tuples(st.just("provision"), st.integers(1, 120)),
    st.tuples(st.just("schedule"), st.integers(0, 9), st.one_of(st.none(), st.integers(1, 99))),
    st.tuples(st.just("correct"), st.integers(0, 9), st.integers(-50, 50).filter(bool)),
    st.tuples(st.just("wait"), st.integers(0, 90)),
)


def lived(history: Sequence[tuple[object, ...]]) -> Company:
    company = Company()
    for name, *arguments in history:
        if name == "wait":
            company.now += int(str(arguments[0])) * DAY
            continue
        company.settle()
        try:
            getattr(company, str(name))(*arguments)
        except Refused as refused:
            assert refused.code in {"balance_short", "contract_over"}  # noqa: PT017 - refusals are part of life
    return company


def check(sums: Mapping[Account, int]) -> None:
    by_name = dict.fromkeys(("granted", "available", "allocated", "expired"), 0)
    for account, amount in sums.items():
        by_name[account.name] += amount
        if account.name != "granted":
            assert amount >= 0, account
    assert -by_name["granted"] == by_name["available"] + by_name["allocated"] + by_name["expired"]


@settings(max_examples=150)
@given(st.lists(acts, max_size=25))
def test_granted_is_available_and_allocated_and_expired_at_every_instant(
    history: list[tuple[object, ...]],
) -> None:
    company = lived(history)
    company.now += 400 * DAY
    company.settle()
    for instant in {entry.effective_at for entry in company.entries}:
        books = company.books(instant)
        check(books.sums)
        for contract in company.contracts:
            if contract.end_at <= instant:
                assert books.available(contract.id) == 0, "what was left has expired"


@settings(max_examples=150)
@given(st.lists(acts, max_size=20), st.lists(st.integers(1, 40), max_size=10))
def test_it_does_not_matter_who_looks_when(history: list[tuple[object, ...]], pauses: list[int]) -> None:
    often, once = lived(history), lived(history)
    end = often.now + 400 * DAY
    for pause in pauses:
        often.now += pause * DAY
        often.settle()
    often.now = once.now = end
    often.settle()
    once.settle()
    assert often.entries == once.entries
    assert often.ended == once.ended
    assert not once.settle(), "nothing is booked twice"


@settings(max_examples=100)
@given(st.lists(acts, max_size=25))
def test_a_resource_is_never_held_beyond_its_contract_by_more_than_its_bundle_month(
    history: list[tuple[object, ...]],
) -> None:
    company = lived(history)
    company.settle()
    books = company.books(company.now)
    for stake in company.stakes.values():
        for contract, _ in books.allocations(stake.resource_id):
            if not contract.runs(company.now):
                assert stake.ends_at is not None
                assert stake.ends_at <= bundle_month(stake.anchor_at, contract.end_at).end_at


def test_a_contracts_end_allocates_anew_from_the_next_one() -> None:
    company = Company()
    company.sign(0, 30, 100)
    company.provision(60)
    company.sign(0, 365, 100)
    company.now += 31 * DAY
    found = company.settle()
    assert [entry.kind for entry in found.entries] == ["reallocated", "expired"]
    assert not found.must_end
    balance = company.books(company.now).balance()
    assert (balance.granted, balance.allocated, balance.available, balance.expired) == (200, 60, 40, 100)


def test_without_enough_left_a_resource_ends_with_its_bundle_month() -> None:
    company = Company()
    company.sign(0, 40, 100)
    company.provision(60)
    company.now += 40 * DAY
    found = company.settle()
    month = bundle_month(START, START + 40 * DAY)
    assert found.must_end == ((ResourceId("res_000"), month.end_at),)
    assert company.books(company.now).balance().allocated == 60
    company.now = month.end_at
    found = company.settle()
    assert found.ended == ((ResourceId("res_000"), month.end_at),)
    balance = company.books(company.now).balance()
    assert (balance.allocated, balance.available, balance.expired) == (0, 0, 100)


def test_a_contract_that_ends_with_a_bundle_month_ends_its_resources_at_once() -> None:
    company = Company()
    company.sign(0, 31, 100)  # to 1 February, as the bundle month
    company.provision(60)
    company.now += 31 * DAY
    found = company.settle()
    assert found.ended == ((ResourceId("res_000"), company.now),)
    assert company.books(company.now).balance().expired == 100
