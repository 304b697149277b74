"""The fence around a process's blocks: how long it may spend them unseen, and what becomes of them afterwards.

A heartbeat says how long the process may admit calls without another one, and from when on others may give it up. The
second comes six times later than the first: who is only cut off from the database comes back long before, and books
what it spent on what is still set aside for it. Who is given up keeps set aside what its calls held when it was last
heard of, until its journal is found; the rest is free. If it lives after all, it learns that at its next heartbeat,
before it admits a call, and reads anew what is still its own.

Only a process that has itself been in touch with the database for a while gives up others: when the database was away,
nobody was heard of.
"""

import msgspec

from packhouse.adapters.database.connection import Connection
from packhouse.adapters.metering.rollup import Place

ALIVE = 10_000_000
"""Microseconds that a process is believed alive, and asked for what it does not hold, after its last heartbeat."""
BEAT_SECONDS = 2.0
OLD = 100 * 86_400_000_000
"""Microseconds after the start of a bundle month, when what a lost process held of it is forgotten."""


class Terms(msgspec.Struct, frozen=True):
    """`lease` is how long after its last heartbeat a process is given up, in microseconds."""

    lease: int = 600_000_000

    @property
    def good(self) -> int:
        """How long a process may spend its blocks after a heartbeat, and how long it must be in touch to give up
        others."""
        return self.lease // 6

    @property
    def beat_seconds(self) -> float:
        return min(BEAT_SECONDS, self.good / 5_000_000)

    def beat(self, now: int) -> "Beat":
        return Beat(now, now + min(ALIVE, self.good), now + self.good, now + self.lease)


class Beat(msgspec.Struct, frozen=True):
    """Instants in microseconds: believed alive, good to admit calls, given up by others."""

    now: int
    alive_until: int
    good_until: int
    forsaken_at: int


_BEAT = "UPDATE meter_process SET lease_until = ?2, forsaken_at = ?3 WHERE id = ?1 RETURNING id"
_REGISTER = "INSERT INTO meter_process (id, kind, started_at, lease_until, forsaken_at) VALUES (?, ?, ?, ?, ?)"
_PASSED = "coalesce(forsaken_at, lease_until + 60000000) < "  # a process of a version before this has no `forsaken_at`
_FORSAKEN = f"SELECT id FROM meter_process WHERE {_PASSED}?"  # noqa: S608 - constants of this file
_GIVE_UP = f"DELETE FROM meter_process WHERE id = ?1 AND {_PASSED}?2 RETURNING id"  # noqa: S608 - as above
_HELD = "UPDATE meter_block SET held = ? WHERE process_id = ? AND resource_id = ? AND month_start = ? AND meter = ?"
_KEEP = "UPDATE meter_block SET amount = CASE WHEN amount < held THEN amount ELSE held END WHERE process_id = ?"
_OLD = "DELETE FROM meter_block WHERE month_start < ? AND process_id NOT IN (SELECT id FROM meter_process)"


def beat(sql: Connection, process_id: str, *, kind: str, at: Beat) -> bool:
    """Whether the process was known and was not given up meanwhile. It is registered when this returns."""
    if sql.run(_BEAT, (process_id, at.alive_until, at.forsaken_at)):
        return True
    sql.run(_REGISTER, (process_id, kind, at.now, at.alive_until, at.forsaken_at))
    return False


def forsaken(sql: Connection, now: int) -> list[str]:
    """The processes that may be given up."""
    return [process_id for (process_id,) in sql.run(_FORSAKEN, (now,))]


def give_up(sql: Connection, process_id: str, *, now: int) -> None:
    """Ends the blocks of a process that was not heard of, but for what its calls held. Nothing where it was."""
    if sql.run(_GIVE_UP, (process_id, now)):
        sql.run(_KEEP, (process_id,))
        sql.run("DELETE FROM meter_block WHERE process_id = ? AND amount = 0", (process_id,))
        sql.run(_OLD, (now - OLD,))


def hold(sql: Connection, process_id: str, *, held: dict[Place, int]) -> None:
    """Notes what running calls and what is not booked yet hold of the process's blocks."""
    sql.run_many(_HELD, [(amount, process_id, *place) for place, amount in held.items()])
