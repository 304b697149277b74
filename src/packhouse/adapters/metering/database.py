"""The meter's statements on SQLite: keys and packs read, quota leased, usage written. Blocking: for a thread.

The tables are the control plane's (`adapters/sql`); the request path must not import its library.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from packhouse.adapters.metering import recall
from packhouse.adapters.metering.booking import book, count
from packhouse.adapters.metering.recall import Month
from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord
from packhouse.adapters.metering.rollup import Place
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.units import ResourceType

BUSY_SECONDS = 30


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
_LIMITS = (
    "SELECT meter, input_weight, output_weight, cache_read_weight, cache_write_weight, limit_amount"
    " FROM resource_limit l WHERE resource_id = ?1 AND from_at ="
    " (SELECT max(from_at) FROM resource_limit WHERE resource_id = ?1 AND meter = l.meter AND from_at <= ?2)"
    " ORDER BY meter"
)


class MeterDatabase:
    """One connection to the installation's database; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._sql = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        self._sql.close()

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Cursor]:
        cursor = self._sql.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")

    def revision(self) -> int:
        """A number that changes with every change of keys, openings, resources or limits."""
        row = self._sql.execute("SELECT value FROM entitlement_revision WHERE id = 1").fetchone()
        return row[0] if row else 0

    def key(self, public_id: str) -> KeyRow | None:
        row = self._sql.execute(
            "SELECT id, company_id, secret_hash, expires_at, revoked_at FROM api_key WHERE public_id = ?",
            (public_id,),
        ).fetchone()
        return KeyRow(*row) if row else None

    def opened(self, key_id: str) -> list[PackRow]:
        """What a key opens, its home first, then in the order of opening."""
        rows = self._sql.execute(
            _PACK + "JOIN key_opening o ON o.resource_id = r.id JOIN api_key k ON k.id = o.key_id"
            " WHERE o.key_id = ? ORDER BY (r.id = k.home_resource_id) DESC, o.opened_at",
            (key_id,),
        )
        return [PackRow(*row) for row in rows]

    def pack(self, resource_id: str) -> PackRow | None:
        row = self._sql.execute(_PACK + "WHERE r.id = ?", (resource_id,)).fetchone()
        return PackRow(*row) if row else None

    def limits(self, resource_id: str, month_start: int) -> list[MeterLimit]:
        """The meters of a pack with their limits in the bundle month that starts then, by name."""
        return [
            MeterLimit(meter, Weights(*weights), limit)
            for meter, *weights, limit in self._sql.execute(_LIMITS, (resource_id, month_start))
        ]

    def register(self, process_id: str, *, kind: str, now: int, lease_until: int) -> None:
        with self._writing() as sql:
            sql.execute(
                "INSERT INTO meter_process (id, kind, started_at, lease_until) VALUES (?1, ?2, ?3, ?4)"
                " ON CONFLICT (id) DO UPDATE SET lease_until = ?4",
                (process_id, kind, now, lease_until),
            )

    def forsaken(self, before: int) -> list[str]:
        """Processes whose lease ended before that instant."""
        rows = self._sql.execute("SELECT id FROM meter_process WHERE lease_until < ?", (before,))
        return [process_id for (process_id,) in rows]

    def lease(
        self, process_id: str, resource_id: str, *, month_start: int, needs: Sequence[int], now: int
    ) -> list[Lease]:
        """Sets quota aside for the process: on each meter what is needed, or a quarter of what is free where
        that is more, or all that is free where that is less. Where quota was just recalled, not more than needed."""
        with self._writing() as sql:
            leases = list[Lease]()
            number, recalled_at = recall.latest(sql, (resource_id, month_start))
            share = 0 if now - recalled_at < recall.RECENT else 4
            for limit, need in zip(self.limits(resource_id, month_start), needs, strict=True):
                place = (resource_id, month_start, limit.meter)
                used = _sum(sql, "usage_total", column="used", place=place)
                blocks = _sum(sql, "meter_block", column="amount", place=place)
                own = sql.execute(
                    "SELECT amount FROM meter_block"
                    " WHERE process_id = ? AND resource_id = ? AND month_start = ? AND meter = ?",
                    (process_id, *place),
                ).fetchone()
                free = max(0, limit.limit - used - blocks)
                granted = min(free, max(need, free // share if share else 0)) if need > 0 else 0
                if granted:
                    _add_to_block(sql, process_id, place=place, amount=granted, answered=number)
                leases.append(Lease(limit, used, blocks - (own[0] if own else 0), granted))
        return leases

    def give_back(self, process_id: str, month: Month, *, amounts: dict[str, int]) -> None:
        """Unneeded quota back to everybody."""
        with self._writing() as sql:
            for meter, amount in amounts.items():
                _add_to_block(sql, process_id, place=(*month, meter), amount=-amount)

    def recall(self, month: Month, *, now: int) -> int:
        """Asks all processes to give back what they do not hold; the recall's number."""
        with self._writing() as sql:
            return recall.ask(sql, month, now=now)

    def recalls(self, process_id: str) -> list[tuple[Month, int]]:
        """The recalls that the process has to answer."""
        return recall.asked(self._sql.cursor(), process_id)

    def answer(self, process_id: str, month: Month, *, number: int, amounts: dict[str, int]) -> None:
        """Gives the amounts back and notes that the recall was answered."""
        with self._writing() as sql:
            for meter, amount in amounts.items():
                _add_to_block(sql, process_id, place=(*month, meter), amount=-amount)
            recall.answer(sql, process_id, month=month, number=number)

    def unanswered(self, process_id: str, month: Month, *, number: int, now: int) -> int:
        """How many blocks of other living processes still wait for an answer."""
        return recall.unanswered(self._sql.cursor(), process_id, month=month, number=number, now=now)

    def drain(self, process_id: str, records: Sequence[UsageRecord], *, counts: Sequence[KnowledgeCount]) -> None:
        """Books settled calls, once each, and takes them off the process's blocks."""
        with self._writing() as sql:
            for place, amount in book(sql, records, limits=self.limits).items():
                _add_to_block(sql, process_id, place=place, amount=-amount)
            count(sql, counts)

    def recover(self, process_id: str, records: Sequence[UsageRecord]) -> None:
        """Books what a process left and ends its blocks."""
        with self._writing() as sql:
            book(sql, records, limits=self.limits)
            sql.execute("DELETE FROM meter_block WHERE process_id = ?", (process_id,))
            sql.execute("DELETE FROM meter_process WHERE id = ?", (process_id,))


def _sum(sql: sqlite3.Cursor, table: str, *, column: str, place: Place) -> int:
    row = sql.execute(
        f"SELECT coalesce(sum({column}), 0) FROM {table}"  # noqa: S608 - both are constants of this file
        " WHERE resource_id = ? AND month_start = ? AND meter = ?",
        place,
    ).fetchone()
    return row[0]


def _add_to_block(sql: sqlite3.Cursor, process_id: str, *, place: Place, amount: int, answered: int = 0) -> None:
    """`answered` is for a block that is new: it holds nothing to give back to that recall."""
    sql.execute(
        "INSERT INTO meter_block (process_id, resource_id, month_start, meter, amount, answered)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (process_id, resource_id, month_start, meter)"
        " DO UPDATE SET amount = meter_block.amount + excluded.amount",
        (process_id, *place, amount, answered),
    )
