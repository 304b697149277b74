"""The meter's statements: keys and packs read, quota leased, usage written. Blocking: for a thread.

The tables are the control plane's (`adapters/sql`); the request path must not import its library.
"""

from collections.abc import Sequence

import msgspec

from packhouse.adapters.database.connection import Connection, connect
from packhouse.adapters.database.connection import Place as DatabasePlace
from packhouse.adapters.database.limits import limits_of
from packhouse.adapters.metering import fence, recall
from packhouse.adapters.metering.booking import book, count
from packhouse.adapters.metering.recall import Month
from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord
from packhouse.adapters.metering.rollup import Place
from packhouse.domain.quota import MeterLimit
from packhouse.domain.units import ResourceType


class KeyRow(msgspec.Struct, frozen=True):
    """A key as it is stored; instants in microseconds."""

    id: str
    company_id: str
    secret_hash: bytes
    expires_at: int | None
    revoked_at: int | None


class PackRow(msgspec.Struct, frozen=True):
    """A resource as it is stored."""

    id: str
    company_id: str
    type: ResourceType
    display_name: str
    region: str
    cri: bool
    model: str
    activated_at: int | None
    ends_at: int | None
    deprovisioned_at: int | None
    failed_at: int | None
    suspension: str
    embeddings_resource_id: str | None
    fallback_model: str
    embeddings_model: str
    embeddings_dimensions: int


class Lease(msgspec.Struct, frozen=True):
    """One meter after a lease: `granted` is new for this process, `elsewhere` is leased to others."""

    limit: MeterLimit
    used: int
    elsewhere: int
    granted: int


_PACK = (
    "SELECT r.id, r.company_id, r.type, r.display_name, r.region, r.cri, r.model, r.activated_at, r.ends_at,"
    " r.deprovisioned_at, r.failed_at, r.suspension, r.embeddings_resource_id, r.fallback_model, r.embeddings_model,"
    " r.embeddings_dimensions FROM resource r "
)


_TAKE_OFF = (
    "UPDATE meter_block SET amount = CASE WHEN amount > ?1 THEN amount - ?1 ELSE 0 END"
    " WHERE process_id = ?2 AND resource_id = ?3 AND month_start = ?4 AND meter = ?5"
)


class MeterDatabase:
    """One connection to the installation's database; used by one thread at a time."""

    def __init__(self, place: DatabasePlace) -> None:
        self._sql = connect(place, durable=False)  # the journal is

    def close(self) -> None:
        self._sql.close()

    def revision(self) -> int:
        """A number that changes with every change of keys, openings, resources or limits."""
        rows = self._sql.run("SELECT value FROM entitlement_revision WHERE id = 1")
        return rows[0][0] if rows else 0

    def key(self, public_id: str) -> KeyRow | None:
        rows = self._sql.run(
            "SELECT id, company_id, secret_hash, expires_at, revoked_at FROM api_key WHERE public_id = ?",
            (public_id,),
        )
        return KeyRow(*rows[0]) if rows else None

    def opened(self, key_id: str) -> list[PackRow]:
        """What a key opens, its home first, then in the order of opening."""
        rows = self._sql.run(
            _PACK + "JOIN key_opening o ON o.resource_id = r.id JOIN api_key k ON k.id = o.key_id"
            " WHERE o.key_id = ? ORDER BY (r.id = k.home_resource_id) DESC, o.opened_at",
            (key_id,),
        )
        return [PackRow(*row) for row in rows]

    def pack(self, resource_id: str) -> PackRow | None:
        rows = self._sql.run(_PACK + "WHERE r.id = ?", (resource_id,))
        return PackRow(*rows[0]) if rows else None

    def limits(self, resource_id: str, month_start: int) -> list[MeterLimit]:
        """The meters of a pack with their limits in the bundle month that starts then, by name."""
        return limits_of(self._sql, resource_id, month_start=month_start)

    def beat(self, process_id: str, *, kind: str, at: fence.Beat, held: dict[Place, int]) -> bool:
        """Says that the process lives, and what its calls hold. False where it is new, or others had given it up."""
        with self._sql.writing():
            known = fence.beat(self._sql, process_id, kind=kind, at=at)
            fence.hold(self._sql, process_id, held=held)
        return known

    def block(self, process_id: str, month: Month) -> dict[str, int]:
        """What is set aside for the process, by meter. What it asked for before has ended, either way."""
        with self._sql.writing([month[0]]):
            rows = self._sql.run(
                "SELECT meter, amount FROM meter_block WHERE process_id = ? AND resource_id = ? AND month_start = ?",
                (process_id, *month),
            )
        return dict(rows)

    def give_up_forsaken(self, now: int) -> None:
        """Ends the blocks of every process that was not heard of for its lease, but for what its calls held."""
        for process_id in fence.forsaken(self._sql, now):
            with self._sql.writing(self._resources_of(process_id)):
                fence.give_up(self._sql, process_id, now=now)

    def lease(
        self, process_id: str, resource_id: str, *, month_start: int, needs: Sequence[int], now: int
    ) -> list[Lease]:
        """Sets quota aside for the process: on each meter what is needed, or a quarter of what is free where
        that is more, or all that is free where that is less. Where quota was just recalled, not more than needed."""
        with self._sql.writing([resource_id]):
            leases = list[Lease]()
            number, recalled_at = recall.latest(self._sql, (resource_id, month_start))
            share = 0 if now - recalled_at < recall.RECENT else 4
            for limit, need in zip(self.limits(resource_id, month_start), needs, strict=True):
                place = (resource_id, month_start, limit.meter)
                used = _sum(self._sql, "usage_total", column="used", place=place)
                blocks = _sum(self._sql, "meter_block", column="amount", place=place)
                own = self._sql.run(
                    "SELECT amount FROM meter_block"
                    " WHERE process_id = ? AND resource_id = ? AND month_start = ? AND meter = ?",
                    (process_id, *place),
                )
                free = max(0, limit.limit - used - blocks)
                granted = min(free, max(need, free // share if share else 0)) if need > 0 else 0
                if granted:
                    _add_to_block(self._sql, process_id, place=place, amount=granted, answered=number)
                leases.append(Lease(limit, used, blocks - (own[0][0] if own else 0), granted))
        return leases

    def give_back(self, process_id: str, month: Month, *, amounts: dict[str, int]) -> None:
        """Unneeded quota back to everybody."""
        with self._sql.writing([month[0]]):
            self._take_off_blocks(process_id, {(*month, meter): amount for meter, amount in amounts.items()})

    def recall(self, month: Month, *, now: int) -> int:
        """Asks all processes to give back what they do not hold; the recall's number."""
        with self._sql.writing([month[0]]):
            return recall.ask(self._sql, month, now=now)

    def recalls(self, process_id: str) -> list[tuple[Month, int]]:
        """The recalls that the process has to answer."""
        return recall.asked(self._sql, process_id)

    def answer(self, process_id: str, month: Month, *, number: int, amounts: dict[str, int]) -> None:
        """Gives the amounts back and notes that the recall was answered."""
        with self._sql.writing([month[0]]):
            self._take_off_blocks(process_id, {(*month, meter): amount for meter, amount in amounts.items()})
            recall.answer(self._sql, process_id, month=month, number=number)

    def unanswered(self, process_id: str, month: Month, *, number: int, now: int) -> int:
        """How many blocks of other living processes still wait for an answer."""
        return recall.unanswered(self._sql, process_id, month=month, number=number, now=now)

    def drain(
        self,
        process_id: str,
        records: Sequence[UsageRecord],
        *,
        counts: Sequence[KnowledgeCount],
        held: dict[Place, int] | None = None,
    ) -> None:
        """Books settled calls, once each, and takes them off the process's blocks; `held` is what they hold still."""
        with self._sql.writing({each.resource_id for each in (*records, *counts)}):
            self._take_off_blocks(process_id, book(self._sql, records, limits=self.limits))
            fence.hold(self._sql, process_id, held=held or {})
            count(self._sql, counts)

    def recover(
        self, process_id: str, records: Sequence[UsageRecord], *, counts: Sequence[KnowledgeCount] = ()
    ) -> None:
        """Books what a process left and ends its blocks."""
        theirs = {each.resource_id for each in (*records, *counts)}
        with self._sql.writing(theirs | self._resources_of(process_id)):
            self._sql.run("DELETE FROM meter_process WHERE id = ?", (process_id,))
            book(self._sql, records, limits=self.limits)
            count(self._sql, counts)
            self._sql.run("DELETE FROM meter_block WHERE process_id = ?", (process_id,))

    def _take_off_blocks(self, process_id: str, amounts: dict[Place, int]) -> None:
        """Never below nothing: what a process still booked or gave back after others gave it up is not its block's."""
        self._sql.run_many(_TAKE_OFF, [(amount, process_id, *place) for place, amount in amounts.items()])

    def _resources_of(self, process_id: str) -> set[str]:
        blocks = self._sql.run("SELECT resource_id FROM meter_block WHERE process_id = ?", (process_id,))
        return {resource_id for (resource_id,) in blocks}


def _sum(sql: Connection, table: str, *, column: str, place: Place) -> int:
    ((total,),) = sql.run(
        f"SELECT CAST(coalesce(sum({column}), 0) AS BIGINT) FROM {table}"  # noqa: S608 - constants of this file
        " WHERE resource_id = ? AND month_start = ? AND meter = ?",
        place,
    )
    return total


def _add_to_block(sql: Connection, process_id: str, *, place: Place, amount: int, answered: int = 0) -> None:
    """`answered` is for a block that is new: it holds nothing to give back to that recall."""
    sql.run(
        "INSERT INTO meter_block (process_id, resource_id, month_start, meter, amount, answered)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (process_id, resource_id, month_start, meter)"
        " DO UPDATE SET amount = meter_block.amount + excluded.amount",
        (process_id, *place, amount, answered),
    )
