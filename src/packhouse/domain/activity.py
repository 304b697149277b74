"""The activity log: who did what, append-only and hash-chained, so that tampering shows."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from packhouse.domain.units import CompanyId, ResourceId, UserId

GENESIS = bytes(32)
INSTALLATION = CompanyId("installation")
"""The chain of what operators do outside any company."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: `verb` such as `key.created`; `facts` are plain names and values, never content.

    `company_id` names the chain. `resource_id` is the resource whose own log shows it, empty where none.
    """

    company_id: CompanyId
    verb: str
    subject_id: str
    resource_id: ResourceId | None = None
    facts: tuple[tuple[str, str], ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A link of a chain. `number` counts from 1; `hash` covers all before it and the hash of the one before."""

    number: int
    at: datetime
    actor_id: UserId
    deed: Deed
    previous_hash: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """Where a chain ends."""

    number: int = 0
    hash: bytes = GENESIS


class Verification(msgspec.Struct, frozen=True):
    """`broken_at` is the number of the first entry that is not what was written; None where all is well."""

    entries: int
    broken_at: int | None = None

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def linked(head: Head, deed: Deed, *, at: datetime, actor_id: UserId) -> Entry:
    """The next entry of the chain that ends in `head`."""
    entry = Entry(number=head.number + 1, at=at, actor_id=actor_id, deed=deed, previous_hash=head.hash, hash=b"")
    return msgspec.structs.replace(entry, hash=_hash(entry))


def verify(entries: Iterable[Entry], head: Head) -> Verification:
    """Walk a whole chain from its first entry: changed, removed, inserted and cut-off entries show."""
    number, previous = 0, GENESIS
    for entry in entries:
        expected = number + 1
        if entry.number != expected or entry.previous_hash != previous or entry.hash != _hash(entry):
            return Verification(number, broken_at=expected)
        number, previous = entry.number, entry.hash
    if (number, previous) != (head.number, head.hash):
        return Verification(number, broken_at=number + 1)
    return Verification(number)


def _hash(entry: Entry) -> bytes:
    """Over all of the entry but its own hash."""
    deed = entry.deed
    what = [deed.company_id, deed.verb, deed.subject_id, deed.resource_id, deed.facts]
    canonical = msgspec.json.encode([entry.number, entry.at, entry.actor_id, *what])
    return hashlib.sha256(entry.previous_hash + canonical).digest()
