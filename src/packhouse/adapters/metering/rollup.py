"""Sums over usage records: per meter and bundle month, and per hour or day, key and model. Pure.

Records are gone over once, into groups that tell apart all that any sum does; the sums are made of the groups.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord
from packhouse.domain.quota import MeterLimit
from packhouse.domain.units import ModelTokens

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Microseconds."""

Place = tuple[str, int, str]
"""Resource, start of the bundle month, meter."""
Counts = list[int]
"""Of a group: calls, estimated calls, and the four classes of tokens."""


class Group(NamedTuple):
    """What the records of a group have in common."""

    resource_id: str
    month_start: int
    hour_at: int
    key_id: str | None
    model: str


def grouped(records: Iterable[UsageRecord]) -> dict[Group, Counts]:
    """What the records of each group come to."""
    groups = dict[Group, Counts]()
    for one in records:
        at = one.started_at
        group = Group(one.resource_id, one.month_start, at - at % HOUR, one.key_id, one.model)
        row = groups.get(group)
        if row is None:
            row = groups[group] = [0] * 6
        row[0] += 1
        row[1] += one.source == "estimated"
        row[2] += one.input
        row[3] += one.output
        row[4] += one.cache_read
        row[5] += one.cache_write
    return groups


def by_meter(
    groups: Mapping[Group, Counts], limits: Mapping[tuple[str, int], Sequence[MeterLimit]]
) -> dict[Place, int]:
    """What they amount to on each meter."""
    sums = dict[Place, int]()
    for group, counts in groups.items():
        tokens = ModelTokens(*counts[2:])
        for meter in limits[group.resource_id, group.month_start]:
            place = (group.resource_id, group.month_start, meter.meter)
            sums[place] = sums.get(place, 0) + meter.weights.amount(tokens)
    return sums


def by_hour(groups: Mapping[Group, Counts]) -> list[tuple[str | int, ...]]:
    """Rows of `usage_hour`: resource, hour, key, model, calls, estimated calls, and the four classes."""
    return _summed(
        ((group.resource_id, group.hour_at, group.key_id or "", group.model), counts)
        for group, counts in groups.items()
    )


def by_day(groups: Mapping[Group, Counts]) -> list[tuple[str | int, ...]]:
    """Rows of `usage_day`: resource, day, start of the bundle month, key, model, and the same counts."""
    return _summed(
        (
            (
                group.resource_id,
                group.hour_at - group.hour_at % DAY,
                group.month_start,
                group.key_id or "",
                group.model,
            ),
            counts,
        )
        for group, counts in groups.items()
    )


def counted_by_hour(counts: Iterable[KnowledgeCount]) -> list[tuple[str | int, ...]]:
    """Rows of `knowledge_hour`: resource, hour, searches, inserts, chunks, bytes."""
    return _summed(
        (
            (each.resource_id, each.counted_at - each.counted_at % HOUR),
            [each.searches, each.inserts, each.chunks, each.bytes],
        )
        for each in counts
    )


def _summed(rows: Iterable[tuple[tuple[str | int, ...], Counts]]) -> list[tuple[str | int, ...]]:
    sums = dict[tuple[str | int, ...], Counts]()
    for place, counts in rows:
        known = sums.get(place)
        sums[place] = counts if known is None else [one + more for one, more in zip(known, counts, strict=True)]
    return [(*place, *counts) for place, counts in sums.items()]
