"""What falls due by the passing of time: contracts that end, scheduled changes that come into force.

Pure: whoever looks first works it out from the books and writes it down, dated to the instant it fell due.
Working it out again from what was written gives nothing new.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from packhouse.domain import ledger
from packhouse.domain.ledger import Books, Contract, Entry
from packhouse.domain.month import bundle_month
from packhouse.domain.units import ResourceId

_INSTANT = timedelta(microseconds=1)


class Stake(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as the ledger sees it.

    At `ends_at` it gives back all that it holds; at `shrinks_at` it gives back `shrinks_by` cloud tokens.
    """

    resource_id: ResourceId
    anchor_at: datetime
    pack: str
    ends_at: datetime | None = None
    shrinks_at: datetime | None = None
    shrinks_by: int = 0


class Due(msgspec.Struct, frozen=True):
    """`entries` in the order in which they count; the resources that must end now have an `ends_at`;

    `ended` and `shrunk` are those whose scheduled change came into force, each with the instant.
    """

    entries: tuple[Entry, ...] = ()
    must_end: tuple[tuple[ResourceId, datetime], ...] = ()
    ended: tuple[tuple[ResourceId, datetime], ...] = ()
    shrunk: tuple[tuple[ResourceId, datetime], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries or self.must_end or self.ended or self.shrunk)


def due(books: Books, stakes: Iterable[Stake], *, now: datetime) -> Due:
    """All that fell due up to `now`, from the sums of everything that counts by now."""
    run = _Run(books, stakes)
    while run.step(now):
        pass
    must_end = tuple((resource_id, at) for resource_id, at in run.must_end.items())
    return Due(tuple(run.entries), must_end, tuple(run.ended), tuple(run.shrunk))


class _Run:
    """The instants in order: scheduled changes first, so that what they free can be drawn on."""

    def __init__(self, books: Books, stakes: Iterable[Stake]) -> None:
        self.books = books
        self.stakes = {stake.resource_id: stake for stake in stakes}
        self.contracts = sorted(books.contracts, key=lambda one: (one.end_at, one.id))
        self.entries: list[Entry] = []
        self.must_end: dict[ResourceId, datetime] = {}
        self.ended: list[tuple[ResourceId, datetime]] = []
        self.shrunk: list[tuple[ResourceId, datetime]] = []

    def step(self, now: datetime) -> bool:
        """Do what is due next; False where nothing is."""
        change = min(
            ((at, stake) for stake in self.stakes.values() if (at := stake.ends_at or stake.shrinks_at)),
            key=lambda one: (one[0], one[1].resource_id),
            default=None,
        )
        contract = next(iter(self.contracts), None)
        if change is not None and change[0] <= now and (contract is None or change[0] <= contract.end_at):
            self._change(change[1], change[0])
            return True
        if contract is not None and contract.end_at <= now:
            self.contracts.pop(0)
            self._end(contract)
            return True
        return False

    def _change(self, stake: Stake, at: datetime) -> None:
        if stake.ends_at is not None:
            del self.stakes[stake.resource_id]
            self.ended.append((stake.resource_id, at))
            amount = None
        else:
            self.stakes[stake.resource_id] = msgspec.structs.replace(stake, shrinks_at=None, shrinks_by=0)
            self.shrunk.append((stake.resource_id, at))
            amount = stake.shrinks_by
        self._post(ledger.released(self.books, stake.resource_id, cloud_tokens=amount, at=at, pack=stake.pack))

    def _end(self, contract: Contract) -> None:
        for stake in list(self.stakes.values()):
            holds = any(one.id == contract.id for one, _ in self.books.allocations(stake.resource_id))
            if not holds or stake.ends_at is not None:
                continue
            entry = ledger.reallocated(
                self.books, stake.resource_id, contract=contract, at=contract.end_at, pack=stake.pack
            )
            if entry is None:
                self._must_end(stake, contract.end_at)
            self._post(entry)
        self._post(ledger.expired(self.books, contract))

    def _must_end(self, stake: Stake, at: datetime) -> None:
        """With the bundle month that is running just before the contract's end."""
        ends_at = bundle_month(stake.anchor_at, at - _INSTANT).end_at
        self.must_end[stake.resource_id] = ends_at
        self.stakes[stake.resource_id] = msgspec.structs.replace(stake, ends_at=ends_at, shrinks_at=None, shrinks_by=0)

    def _post(self, entry: Entry | None) -> None:
        if entry is not None:
            self.books = self.books.posted(entry)
            self.entries.append(entry)
