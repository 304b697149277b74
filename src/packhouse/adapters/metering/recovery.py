"""What a dead process left: settled calls and counts are booked, running calls at their worst case, its blocks end."""

import os
from pathlib import Path

from packhouse.adapters.metering.database import MeterDatabase
from packhouse.adapters.metering.journal import SentEntry, SettledEntry, entries, lock_journal
from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord


def recover(directory: Path, database: MeterDatabase, *, now: int) -> None:
    """Recovers every process that died on this node.

    Records and counts have ids, so that a recovery that was itself killed is simply done again, and a journal that
    turns up late, in whichever node's directory, is booked once.
    """
    for lock in sorted(directory.glob("*.lock")):
        process_id = lock.stem
        descriptor = lock_journal(directory, process_id)
        if descriptor is None:
            continue
        try:
            segments = sorted(directory.glob(f"{process_id}.*.journal"))
            records, counts = left_in(segments, now=now)
            database.recover(process_id, records, counts=counts)
            for segment in segments:
                segment.unlink()
            lock.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def left_in(segments: list[Path], *, now: int) -> tuple[list[UsageRecord], list[KnowledgeCount]]:
    """One record for each call that had reached its provider, and what was counted."""
    sent = dict[str, SentEntry]()
    settled = dict[str, SettledEntry]()
    counts = list[KnowledgeCount]()
    for segment in segments:
        for entry in entries(segment):
            match entry:
                case SentEntry():
                    sent[entry.call_id] = entry
                case SettledEntry():
                    settled[entry.call_id] = entry
                case KnowledgeCount():
                    counts.append(entry)
    records = [record(entry, settled.get(call_id) or _worst(entry, now)) for call_id, entry in sent.items()]
    return records, counts


def record(sent: SentEntry, settled: SettledEntry) -> UsageRecord:
    """The record of a call from its two journal entries."""
    return UsageRecord(
        sent.call_id,
        sent.company_id,
        sent.resource_id,
        sent.key_id,
        settled.model or sent.model,
        sent.operation,
        sent.month_start,
        sent.started_at,
        sent.started_at + settled.latency_ms * 1000,
        settled.input,
        settled.output,
        settled.cache_read,
        settled.cache_write,
        settled.source,
        settled.outcome,
        settled.latency_ms,
    )


def _worst(sent: SentEntry, now: int) -> SettledEntry:
    latency_ms = max(0, (now - sent.started_at) // 1000)
    return SettledEntry(sent.call_id, sent.input_tokens, sent.output_tokens, 0, 0, "estimated", "crashed", latency_ms)
