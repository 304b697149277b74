"""The recall of quota: a process that is short asks the others to give back what no call of theirs holds.

Each recall of a pack's month has a number. A process answers by giving back its room and noting the number at its
blocks; when all have answered, what is still set aside is held or spent, and a refusal is true.
"""

from packhouse.adapters.database.connection import Connection

WAIT_SECONDS = 5.0
"""How long a call waits for the answers. Mostly they are there after 60 ms; on a machine that is far too busy a second
is not enough. Who does not answer by then has died or hangs; its blocks end with its lease."""
POLL_SECONDS = 0.01
RECENT = 2_000_000
"""Microseconds after a recall in which nobody sets aside more than a call needs."""

Month = tuple[str, int]
"""Resource and start of the bundle month."""

_ASK = (
    "INSERT INTO meter_recall (resource_id, month_start, number, recalled_at) VALUES (?, ?, 1, ?)"
    " ON CONFLICT (resource_id, month_start) DO UPDATE SET number = meter_recall.number + 1,"
    " recalled_at = excluded.recalled_at"
    " RETURNING number"
)
_ASKED = (
    "SELECT r.resource_id, r.month_start, r.number FROM meter_recall r WHERE EXISTS (SELECT 1 FROM meter_block b"
    " WHERE b.process_id = ? AND b.resource_id = r.resource_id AND b.month_start = r.month_start"
    " AND b.answered < r.number)"
)
_UNANSWERED = (
    "SELECT count(*) FROM meter_block b JOIN meter_process p ON p.id = b.process_id WHERE b.process_id <> ?"
    " AND b.resource_id = ? AND b.month_start = ? AND b.amount > 0 AND b.answered < ? AND p.lease_until > ?"
)
_ANSWER = "UPDATE meter_block SET answered = ? WHERE process_id = ? AND resource_id = ? AND month_start = ?"


def ask(sql: Connection, month: Month, *, now: int) -> int:
    """The number of a new recall."""
    ((number,),) = sql.run(_ASK, (*month, now))
    return number


def asked(sql: Connection, process_id: str) -> list[tuple[Month, int]]:
    """The recalls that the process has not answered."""
    return [((resource_id, start), number) for resource_id, start, number in sql.run(_ASKED, (process_id,))]


def answer(sql: Connection, process_id: str, *, month: Month, number: int) -> None:
    """Everything that no call holds was given back."""
    sql.run(_ANSWER, (number, process_id, *month))


def unanswered(sql: Connection, process_id: str, *, month: Month, number: int, now: int) -> int:
    """How many blocks of other living processes have not been looked through."""
    ((count,),) = sql.run(_UNANSWERED, (process_id, *month, number, now))
    return count


def latest(sql: Connection, month: Month) -> tuple[int, int]:
    """The number and the instant of the last recall; zeros where there was none."""
    rows = sql.run("SELECT number, recalled_at FROM meter_recall WHERE resource_id = ? AND month_start = ?", month)
    return (rows[0][0], rows[0][1]) if rows else (0, 0)
