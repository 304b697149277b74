"""What we need from the meter: who a key is, what it may spend, and a record of what it spent.

The usual call is decided in process memory; a coroutine here suspends only where a key is seen for the first
time or a further block of quota has to be leased.
"""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.units import CallId, CompanyId, KeyId, ModelTokens, ResourceId, ResourceType


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as the data plane sees it. `anchor_at` is its activation, None before it.

    `fallback_model` answers where the provider of `model` fails; empty: none does.
    `embeddings_id` is the linked embeddings resource of a knowledge base, `embeddings_model` and
    `embeddings_dimensions` what it is pinned to (empty and 0 where it was made before that).
    `inactive` says in a sentence why it cannot be used now, empty where it can; `inactive_code` goes with it.
    """

    id: ResourceId
    company_id: CompanyId
    type: ResourceType
    display_name: str
    region: str
    cri: bool
    model: str
    fallback_model: str = ""
    anchor_at: datetime | None
    ends_at: datetime | None = None
    embeddings_id: ResourceId | None = None
    embeddings_model: str = ""
    embeddings_dimensions: int = 0
    inactive: str = ""
    inactive_code: str = ""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a key opens. `packs` are its own, home first; `derived` the embeddings packs that its knowledge
    bases are linked to. It is good until `until_at`: then something in it expires."""

    key_id: KeyId
    company_id: CompanyId
    packs: tuple[Pack, ...]
    derived: tuple[Pack, ...]
    until_at: datetime | None = None

    def pack(self, kind: ResourceType) -> Pack:
        """The usable pack of that type; Refused(key_wrong_type, resource_inactive, resource_suspended)."""
        for pack in self.packs + self.derived:
            if pack.type == kind:
                return usable(pack)
        opens = sorted({pack.type for pack in self.packs + self.derived})
        raise Refused(
            "key_wrong_type",
            f"This key opens no {kind} resource; it opens: {', '.join(opens) or 'nothing'}. "
            "Use a key of such a resource, or open this key to one in the portal.",
            opens=opens,
        )

    def embeddings_for(self, knowledge_base: Pack) -> Pack:
        """The linked embeddings pack of a knowledge base."""
        for pack in self.packs + self.derived:
            if pack.id == knowledge_base.embeddings_id:
                return usable(pack)
        raise Refused("resource_inactive", "The knowledge base has no embeddings pack linked to it.")


def usable(pack: Pack) -> Pack:
    """The pack itself, or the refusal that says why it cannot be used."""
    if pack.inactive:
        raise Refused(pack.inactive_code, pack.inactive, resource=pack.id)
    return pack


Operation = Literal["chat", "embeddings"]
Source = Literal["reported", "estimated"]
Outcome = Literal["ok", "failed", "cancelled", "crashed"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that wants to spend. `input_tokens` is the stated upper bound, `output_tokens` the wanted cap."""

    pack: Pack
    key_id: KeyId | None
    model: str
    operation: Operation
    input_tokens: int
    output_tokens: int = 0


class Hold(msgspec.Struct):
    """An admitted call: its worst case is held until it is settled or released, whichever comes first.

    `output_tokens` is the cap that was granted; it must be sent to the provider.
    """

    call_id: CallId
    call: Call
    month_start: int
    amounts: tuple[int, ...]
    output_tokens: int
    started_at: int
    sent: bool = False
    closed: bool = False


class Exhausted(msgspec.Struct, frozen=True):
    """No room. Amounts in the meter's unit, for the running bundle month, which ends at `refill_at`."""

    meter: str
    limit: int
    used: int
    held: int
    needed: int
    refill_at: datetime


class QuotaLeft(msgspec.Struct, frozen=True):
    """What is left of a bundle month on each meter (name, amount in its unit), as this process knows."""

    meters: tuple[tuple[str, int], ...]
    refill_at: datetime


class Settlement(msgspec.Struct, frozen=True):
    """What a call came to."""

    tokens: ModelTokens
    source: Source
    outcome: Outcome


class Meter(Protocol):
    async def access(self, presented: str) -> Access:
        """Who presents this key or connection string.

        Refused: key_malformed, key_unknown, key_revoked, key_expired.
        """
        ...

    async def pack(self, resource_id: ResourceId) -> Pack:
        """A resource by its id, for work that no key asked for; Refused(not_found)."""
        ...

    async def hold(self, call: Call) -> Hold | Exhausted:
        """Hold the call's worst case on all meters of its pack, or on none."""
        ...

    def sent(self, hold: Hold) -> None:
        """The call is about to reach its provider: from here on a crash books it at its worst case."""
        ...

    def settle(self, hold: Hold, settlement: Settlement) -> None:
        """Book the truth and give back the rest; durable when this returns. Settling twice is a bug."""
        ...

    def release(self, hold: Hold) -> None:
        """Nothing reached the provider: give all back, book nothing."""
        ...

    def left(self, hold: Hold) -> QuotaLeft:
        """What is left in the hold's bundle month; running calls count at their worst case."""
        ...

    def count(self, pack: Pack, *, searches: int = 0, inserts: int = 0, chunks: int = 0, bytes_: int = 0) -> None:
        """Count what was done in a knowledge base."""
        ...
