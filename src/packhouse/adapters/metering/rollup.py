"""Sums over usage records: per meter and bundle month, and per hour or day, key and model. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from packhouse.adapters.metering.record import UsageRecord
from packhouse.domain.quota import MeterLimit

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Microseconds."""

Place = tuple[str, int, str]
"""Resource, start of the bundle month, meter."""


def by_meter(
    records: Iterable[UsageRecord], limits: Mapping[tuple[str, int], Sequence[MeterLimit]]
) -> dict[Place, int]:
    """What the records amount to on each meter."""
    sums = dict[Place, int]()
    for record in records:
        tokens = record.tokens
        for meter in limits[record.resource_id, record.month_start]:
            place = (record.resource_id, record.month_start, meter.meter)
            sums[place] = sums.get(place, 0) + meter.weights.amount(tokens)
    return sums


def by_hour(records: Iterable[UsageRecord]) -> list[tuple[str | int, ...]]:
    """Rows of `usage_hour`: resource, hour, key, model, calls, estimated calls, and the four classes."""
    return _summed(
        ((one.resource_id, one.started_at - one.started_at % HOUR, one.key_id or "", one.model), one) for one in records
    )


def by_day(records: Iterable[UsageRecord]) -> list[tuple[str | int, ...]]:
    """Rows of `usage_day`: resource, day, start of the bundle month, key, model, and the same counts."""
    return _summed(
        ((one.resource_id, one.started_at - one.started_at % DAY, one.month_start, one.key_id or "", one.model), one)
        for one in records
    )


def _summed(records: Iterable[tuple[tuple[str | int, ...], UsageRecord]]) -> list[tuple[str | int, ...]]:
    sums = dict[tuple[str | int, ...], list[int]]()
    for place, record in records:
        row = sums.setdefault(place, [0] * 6)
        row[0] += 1
        row[1] += record.source == "estimated"
        row[2] += record.input
        row[3] += record.output
        row[4] += record.cache_read
        row[5] += record.cache_write
    return [(*place, *row) for place, row in sums.items()]
