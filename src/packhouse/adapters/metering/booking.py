"""Usage into the tables: records once each, and the sums that are kept over them."""

from collections.abc import Callable, Sequence

import msgspec

from packhouse.adapters.database.connection import Connection
from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord
from packhouse.adapters.metering.rollup import Place, by_day, by_hour, by_meter, counted_by_hour, grouped
from packhouse.domain.quota import MeterLimit

IDS_AT_ONCE = 500

_RECORD = (
    "INSERT INTO usage_record (call_id, company_id, resource_id, key_id, model, operation, month_start,"
    " started_at, recorded_at, input, output, cache_read, cache_write, source, outcome, latency_ms)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_TOTAL = (
    "INSERT INTO usage_total (resource_id, month_start, meter, used) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (resource_id, month_start, meter) DO UPDATE SET used = usage_total.used + excluded.used"
)
COUNTS = ("calls", "estimated_calls", "input", "output", "cache_read", "cache_write")
HOUR_PLACE = ("resource_id", "hour_at", "key_id", "model")
DAY_PLACE = ("resource_id", "day_at", "month_start", "key_id", "model")
"""What tells the rows of a table of sums apart."""
KNOWLEDGE_COUNTS = ("searches", "inserts", "chunks", "bytes")
KNOWLEDGE_PLACE = ("resource_id", "hour_at")


def adding(table: str, place: Sequence[str], *, counts: Sequence[str] = COUNTS) -> str:
    """The statement that adds counts to a row, which it makes where there is none."""
    columns = (*place, *counts)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in counts)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our names
        f" ON CONFLICT ({', '.join(place)}) DO UPDATE SET {added}"
    )


_HOUR = adding("usage_hour", HOUR_PLACE)
_DAY = adding("usage_day", DAY_PLACE)
_COUNT = (
    "INSERT INTO knowledge_count (count_id, resource_id, counted_at, searches, inserts, chunks, bytes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_KNOWLEDGE = adding("knowledge_hour", KNOWLEDGE_PLACE, counts=KNOWLEDGE_COUNTS)
_LAST_USED = "UPDATE api_key SET last_used_at = ?1 WHERE id = ?2 AND coalesce(last_used_at, 0) < ?1"


def book(
    sql: Connection,
    records: Sequence[UsageRecord],
    *,
    limits: Callable[[str, int], Sequence[MeterLimit]],
) -> dict[Place, int]:
    """Writes the records that are not known yet, with the sums; what those come to on each meter.

    `limits` gives the meters of a resource in the bundle month that starts at an instant.
    """
    by_id = {record.call_id: record for record in records}
    fresh = [by_id[call_id] for call_id in _unknown(sql, "usage_record", column="call_id", ids=list(by_id))]
    groups = grouped(fresh)
    months = {(group.resource_id, group.month_start) for group in groups}
    totals = by_meter(groups, {month: limits(*month) for month in months})
    sql.run_many(_RECORD, [msgspec.structs.astuple(record) for record in fresh])
    sql.run_many(_TOTAL, [(*place, amount) for place, amount in totals.items()])
    sql.run_many(_HOUR, by_hour(groups))
    sql.run_many(_DAY, by_day(groups))
    sql.run_many(_LAST_USED, [(at, key_id) for key_id, at in sorted(_latest(fresh).items())])
    return totals


def count(sql: Connection, counts: Sequence[KnowledgeCount]) -> None:
    """Writes what was done in knowledge bases, what is not known yet, with its sums."""
    by_id = {each.count_id: each for each in counts}
    fresh = [by_id[count_id] for count_id in _unknown(sql, "knowledge_count", column="count_id", ids=list(by_id))]
    sql.run_many(_COUNT, [msgspec.structs.astuple(each) for each in fresh])
    sql.run_many(_KNOWLEDGE, counted_by_hour(fresh))


def _unknown(sql: Connection, table: str, *, column: str, ids: Sequence[str]) -> list[str]:
    """The ids that are not booked yet: replaying a journal changes nothing."""
    known = set[str]()
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        marks = ",".join("?" * len(some))
        query = f"SELECT {column} FROM {table} WHERE {column} IN ({marks})"  # noqa: S608 - our names, and marks
        known.update(found for (found,) in sql.run(query, some))
    return [each for each in ids if each not in known]


def _latest(records: Sequence[UsageRecord]) -> dict[str, int]:
    """When each key was last used."""
    latest = dict[str, int]()
    for record in records:
        if record.key_id is not None and record.started_at > latest.get(record.key_id, 0):
            latest[record.key_id] = record.started_at
    return latest
