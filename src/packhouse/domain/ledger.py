"""The ledger: cloud tokens as a double-entry, append-only journal of integers.

Accounts: `granted` (the contra account, negative), `available`, `allocated` (one a resource) and `expired`, each
per contract. The postings of an entry sum to zero, so granted = available + allocated + expired always. Entries
are made by the functions below and nowhere else; nothing is ever changed; a correction is an entry.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, ContractId, ResourceId, UserId

AccountName = Literal["granted", "available", "allocated", "expired"]
EntryKind = Literal["granted", "allocated", "reallocated", "released", "expired", "corrected"]


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What grants are booked to. It runs from `start_at` (inclusive) to `end_at` (exclusive)."""

    id: ContractId
    company_id: CompanyId
    reference: str
    start_at: datetime
    end_at: datetime

    def runs(self, at: datetime) -> bool:
        return self.start_at <= at < self.end_at


class Account(msgspec.Struct, frozen=True):
    """`resource_id` is set for `allocated` only."""

    name: AccountName
    contract_id: ContractId
    resource_id: ResourceId | None = None


class Posting(msgspec.Struct, frozen=True):
    account: Account
    cloud_tokens: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One booking. `effective_at` is the instant from which it counts; `subject_id` a resource or a contract.

    `pack` says in words what was bought, empty where nothing was. `note` is an operator's reason.
    """

    kind: EntryKind
    effective_at: datetime
    subject_id: str
    postings: tuple[Posting, ...]
    pack: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        assert sum(posting.cloud_tokens for posting in self.postings) == 0, self
        assert all(posting.cloud_tokens for posting in self.postings), self

    def change(self, name: AccountName) -> int:
        """What the entry adds to all accounts of that name."""
        return sum(one.cloud_tokens for one in self.postings if one.account.name == name)


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in the journal. `number` counts the company's entries in the order they were written."""

    id: str
    company_id: CompanyId
    number: int
    recorded_at: datetime
    recorded_by: UserId
    entry: Entry


class Balance(msgspec.Struct, frozen=True):
    """In cloud tokens, at an instant. `total` = `allocated` + `available`; `granted` = `total` + `expired`."""

    granted: int
    allocated: int
    available: int
    expired: int

    @property
    def total(self) -> int:
        return self.allocated + self.available


class Line(msgspec.Struct, frozen=True):
    """A transaction as the list shows it.

    `cloud_tokens` is what it added to what is available; `remaining_cloud_tokens` what was available after.
    """

    transaction: Transaction
    cloud_tokens: int
    remaining_cloud_tokens: int


class Books(msgspec.Struct, frozen=True):
    """The contracts of a company and the sums of its accounts at one instant."""

    contracts: tuple[Contract, ...]
    sums: Mapping[Account, int]

    def posted(self, entry: Entry) -> "Books":
        """The books after the entry."""
        sums = dict(self.sums)
        for posting in entry.postings:
            sums[posting.account] = sums.get(posting.account, 0) + posting.cloud_tokens
        return Books(self.contracts, sums)

    def contract(self, contract_id: ContractId) -> Contract:
        return next(contract for contract in self.contracts if contract.id == contract_id)

    def running(self, at: datetime) -> list[Contract]:
        """Those that run, the one that ends first in front."""
        return sorted((one for one in self.contracts if one.runs(at)), key=lambda one: (one.end_at, one.id))

    def available(self, contract_id: ContractId) -> int:
        return self.sums.get(Account("available", contract_id), 0)

    def spendable(self, at: datetime) -> int:
        """What the running contracts have left."""
        return sum(self.available(contract.id) for contract in self.running(at))

    def allocations(self, resource_id: ResourceId) -> list[tuple[Contract, int]]:
        """What the resource holds, by contract, the one that ends first in front."""
        held = [
            (self.contract(account.contract_id), amount)
            for account, amount in self.sums.items()
            if account.name == "allocated" and account.resource_id == resource_id and amount
        ]
        return sorted(held, key=lambda one: (one[0].end_at, one[0].id))

    def balance(self, contract_id: ContractId | None = None) -> Balance:
        """Of one contract or of all."""
        sums = dict.fromkeys(("granted", "allocated", "available", "expired"), 0)
        for account, amount in self.sums.items():
            if contract_id in (None, account.contract_id):
                sums[account.name] += amount
        return Balance(-sums["granted"], sums["allocated"], sums["available"], sums["expired"])


def granted(contract: Contract, cloud_tokens: int, *, now: datetime, note: str = "") -> Entry:
    """Cloud tokens that a contract brings; they count from now, or from the contract's start if that is later.

    Refused(contract_over) where the contract has ended; Refused(invalid_request) where there is nothing to grant.
    """
    _refuse_if_over(contract, now)
    if cloud_tokens <= 0:
        raise Refused("invalid_request", "A grant is at least one cloud token.", field="cloud_tokens")
    return Entry(
        kind="granted",
        effective_at=max(now, contract.start_at),
        subject_id=contract.id,
        postings=_move(contract.id, cloud_tokens, source="granted", target="available"),
        note=note,
    )


def corrected(books: Books, contract: Contract, *, cloud_tokens: int, now: datetime, note: str) -> Entry:
    """More (or, with a negative number, fewer) cloud tokens granted, for a reason.

    Refused(balance_short) where more would be taken than the contract has available.
    """
    _refuse_if_over(contract, now)
    if not cloud_tokens:
        raise Refused("invalid_request", "A correction needs an amount other than zero.", field="cloud_tokens")
    if not note.strip():
        raise Refused("invalid_request", "A correction needs a reason.", field="note")
    if books.available(contract.id) + cloud_tokens < 0:
        available = books.available(contract.id)
        raise Refused(
            "balance_short",
            f"The contract has only {available} cloud tokens available; take no more than that.",
            available=available,
        )
    return Entry(
        kind="corrected",
        effective_at=max(now, contract.start_at),
        subject_id=contract.id,
        postings=_move(contract.id, cloud_tokens, source="granted", target="available"),
        note=note.strip(),
    )


def allocated(books: Books, resource_id: ResourceId, *, cloud_tokens: int, at: datetime, pack: str) -> Entry:
    """Cloud tokens for a resource, drawn on the contract that ends first, over several where one is short.

    Refused(contract_over) where no contract runs; Refused(balance_short) with what is missing.
    """
    if not books.running(at):
        raise Refused("contract_over", "No contract of the company is running. Ask the operator for a new one.")
    available = books.spendable(at)
    if available < cloud_tokens:
        raise Refused(
            "balance_short",
            f"This needs {cloud_tokens} cloud tokens and {available} are available:"
            f" {cloud_tokens - available} are missing.",
            needed=cloud_tokens,
            available=available,
            missing=cloud_tokens - available,
        )
    postings = _drawn(books, resource_id, cloud_tokens=cloud_tokens, at=at)
    return Entry(kind="allocated", effective_at=at, subject_id=resource_id, postings=postings, pack=pack)


def reallocated(books: Books, resource_id: ResourceId, *, contract: Contract, at: datetime, pack: str) -> Entry | None:
    """What a resource holds of a contract that is over, drawn anew on those that run; None where they are short."""
    amount = books.sums.get(Account("allocated", contract.id, resource_id), 0)
    if not amount or books.spendable(at) < amount:
        return None
    freed = (
        Posting(Account("allocated", contract.id, resource_id), -amount),
        Posting(Account("expired", contract.id), amount),
    )
    postings = (*freed, *_drawn(books, resource_id, cloud_tokens=amount, at=at))
    return Entry(kind="reallocated", effective_at=at, subject_id=resource_id, postings=postings, pack=pack)


def released(
    books: Books, resource_id: ResourceId, *, cloud_tokens: int | None, at: datetime, pack: str = ""
) -> Entry | None:
    """Cloud tokens that a resource gives back (None: all), first to the contract that ends last.

    What came from a contract that is over does not come back: it expires. None where there is nothing to release.
    """
    held = books.allocations(resource_id)
    left = sum(amount for _, amount in held) if cloud_tokens is None else cloud_tokens
    postings: list[Posting] = []
    for contract, amount in reversed(held):
        part = min(amount, left)
        left -= part
        if part:
            to = "available" if contract.runs(at) else "expired"
            postings.append(Posting(Account("allocated", contract.id, resource_id), -part))
            postings.append(Posting(Account(to, contract.id), part))
    assert not left, "more released than held"
    if not postings:
        return None
    return Entry(kind="released", effective_at=at, subject_id=resource_id, postings=tuple(postings), pack=pack)


def expired(books: Books, contract: Contract) -> Entry | None:
    """What a contract has left when it ends; None where nothing is."""
    left = books.available(contract.id)
    if not left:
        return None
    return Entry(
        kind="expired",
        effective_at=contract.end_at,
        subject_id=contract.id,
        postings=_move(contract.id, left, source="available", target="expired"),
    )


def statement(transactions: Iterable[Transaction]) -> list[Line]:
    """The list of transactions with what remained after each, by the instant from which each counts."""
    remaining = 0
    lines: list[Line] = []
    for one in sorted(transactions, key=lambda one: (one.entry.effective_at, one.number)):
        change = one.entry.change("available")
        remaining += change
        lines.append(Line(one, change, remaining))
    return lines


def _drawn(books: Books, resource_id: ResourceId, *, cloud_tokens: int, at: datetime) -> tuple[Posting, ...]:
    postings: list[Posting] = []
    left = cloud_tokens
    for contract in books.running(at):
        part = min(books.available(contract.id), left)
        left -= part
        if part:
            postings.append(Posting(Account("available", contract.id), -part))
            postings.append(Posting(Account("allocated", contract.id, resource_id), part))
    assert not left, "drawn on more than is available"
    return tuple(postings)


def _move(contract_id: ContractId, amount: int, *, source: AccountName, target: AccountName) -> tuple[Posting, Posting]:
    return (Posting(Account(source, contract_id), -amount), Posting(Account(target, contract_id), amount))


def _refuse_if_over(contract: Contract, now: datetime) -> None:
    if contract.end_at <= now:
        raise Refused("contract_over", "The contract has ended; book to one that runs.", contract=contract.id)
