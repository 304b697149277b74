"""What a dead process left: settled calls are booked, running ones at their worst case, its blocks end."""

import os
from pathlib import Path

from packhouse.adapters.metering.database import MeterDatabase
from packhouse.adapters.metering.journal import SentEntry, SettledEntry, entries, lock_journal
from packhouse.adapters.metering.record import UsageRecord


def recover(directory: Path, database: MeterDatabase, *, now: int) -> None:
    """Recovers every process that died on this node.

    A record's id is its call's, so that a recovery that was itself killed is simply done again, and a journal that
    turns up late, in whichever node's directory, is booked once.
    """
    for lock in sorted(directory.glob("*.lock")):
        process_id = lock.stem
        descriptor = lock_journal(directory, process_id)
        if descriptor is None:
            continue
        try:
            segments = sorted(directory.glob(f"{process_id}.*.journal"))
            database.recover(process_id, records_of(segments, now=now))
            for segment in segments:
                segment.unlink()
            lock.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def records_of(segments: list[Path], *, now: int) -> list[UsageRecord]:
    """One record for each call that had reached its provider."""
    sent = dict[str, SentEntry]()
    settled = dict[str, SettledEntry]()
    for segment in segments:
        for entry in entries(segment):
            if isinstance(entry, SentEntry):
                sent[entry.call_id] = entry
            else:
                settled[entry.call_id] = entry
    return [record(entry, settled.get(call_id) or _worst(entry, now)) for call_id, entry in sent.items()]


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
