"""Who a key is: looked up once, then kept in memory until something about keys or resources changes."""

import hashlib
import hmac
from collections.abc import Iterable

from packhouse.adapters.metering.database import KeyRow, MeterDatabase, PackRow
from packhouse.domain.errors import Refused
from packhouse.domain.key import parse_key
from packhouse.domain.units import CompanyId, KeyId, ResourceId, instant, microseconds
from packhouse.ports.meter import Access, Pack

KEPT_MAX = 50_000
"""Keys kept in memory; past that the memory starts anew."""


class AccessMemory:
    """Digests of presented keys with what they open. Never holds a key itself."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known = dict[bytes, tuple[int, Access]]()

    def recall(self, presented: str, now: int) -> Access | None:
        """What a key that was seen before opens; microseconds."""
        known = self._known.get(_digest(presented))
        return known[1] if known is not None and now < known[0] else None

    def remember(self, presented: str, access: Access, *, until: int) -> None:
        if len(self._known) >= KEPT_MAX:
            self._known.clear()
        self._known[_digest(presented)] = (until, access)

    def forget(self) -> None:
        """All: something changed."""
        self._known.clear()


def _digest(presented: str) -> bytes:
    return hashlib.blake2b(presented.encode(), digest_size=16).digest()


def look_up(database: MeterDatabase, presented: str, *, now: int) -> tuple[Access, int]:
    """What the key opens, and until when that is good (microseconds). Refused: key_*. Blocking."""
    parsed = parse_key(presented)
    row = database.key(parsed.public_id)
    if row is None or not hmac.compare_digest(row.secret_hash, parsed.secret_hash):
        raise Refused("key_unknown", "There is no such key. Check that it was copied whole and not revoked long ago.")
    _alive(row, now)
    packs = [pack_of(opened, now) for opened in database.opened(row.id)]
    linked = {pack.embeddings_id for pack in packs if pack.embeddings_id} - {pack.id for pack in packs}
    rows = (database.pack(resource_id) for resource_id in sorted(linked))
    derived = [pack_of(found, now) for found in rows if found is not None]
    until = _until(row, [*packs, *derived], now=now)
    access = Access(
        key_id=KeyId(row.id),
        company_id=CompanyId(row.company_id),
        packs=tuple(packs),
        derived=tuple(derived),
    )
    return access, until


def _alive(row: KeyRow, now: int) -> None:
    if row.revoked_at is not None and row.revoked_at <= now:
        raise Refused("key_revoked", "This key was revoked. Create a new one in the portal, under Keys.")
    if row.expires_at is not None and row.expires_at <= now:
        expired = instant(row.expires_at).isoformat(timespec="seconds")
        raise Refused("key_expired", f"This key expired at {expired}. Create a new one in the portal, under Keys.")


def _until(row: KeyRow, packs: Iterable[Pack], *, now: int) -> int:
    ends = [microseconds(pack.ends_at) for pack in packs if pack.ends_at is not None]
    if row.expires_at is not None:
        ends.append(row.expires_at)
    return min((end for end in ends if end > now), default=2**62)


def pack_of(row: PackRow, now: int) -> Pack:
    """The resource as the data plane sees it at that instant."""
    code, sentence = _inactive(row, now)
    return Pack(
        id=ResourceId(row.id),
        company_id=CompanyId(row.company_id),
        type=row.type,
        display_name=row.display_name,
        region=row.region,
        cri=bool(row.cri),
        model=row.model,
        fallback_model=row.fallback_model,
        anchor_at=instant(row.activated_at) if row.activated_at is not None else None,
        ends_at=instant(row.ends_at) if row.ends_at is not None else None,
        embeddings_id=ResourceId(row.embeddings_resource_id) if row.embeddings_resource_id else None,
        embeddings_model=row.embeddings_model,
        embeddings_dimensions=row.embeddings_dimensions,
        inactive=sentence,
        inactive_code=code,
    )


def _inactive(row: PackRow, now: int) -> tuple[str, str]:
    name = f"The resource {row.display_name!r}"
    if row.deprovisioned_at is not None or (row.ends_at is not None and row.ends_at <= now):
        return "resource_inactive", f"{name} was deprovisioned. Use a key of another resource."
    if row.failed_at is not None:
        return "resource_inactive", f"{name} could not be provisioned. Ask a company admin."
    if row.activated_at is None:
        return "resource_inactive", f"{name} is still being provisioned. Try again in a moment."
    if row.suspension:
        reasons = row.suspension.replace(",", ", ").replace("_", " ")
        return "resource_suspended", f"{name} is suspended ({reasons}). Ask a company admin to clear that."
    return "", ""
