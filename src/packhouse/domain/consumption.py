"""What was consumed: bundle months against their limits, and days of the past."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.forecast import Forecast
from packhouse.domain.month import BundleMonth, bundle_month
from packhouse.domain.units import ModelTokens, ResourceId

Split = Literal["none", "key", "model"]
"""How the rows of a day are told apart."""
SpanName = Literal["week", "bundle_month", "month_to_date", "six_months"]
SIX_MONTHS_DAYS = 183
MONTHS_MAX = 24
"""As far as bundle months are looked back at."""


class MeterUse(msgspec.Struct, frozen=True):
    """A meter in a bundle month, in its own units (model tokens, unless the catalog sells units).

    `forecast` is for the running month; None where there is nothing to go by, or none was asked for.
    """

    meter: str
    limit: int
    used: int
    forecast: Forecast | None = None

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def percent(self) -> float:
        """Of the limit, 0 to 100 and a little more where an estimate was short; 0 where the limit is 0."""
        return 100 * self.used / self.limit if self.limit else 0.0


class KnowledgeUse(msgspec.Struct, frozen=True):
    """A knowledge base in numbers: what was done in the bundle month, and what it holds now (`chunks`, `disk_bytes`).

    An hour within which a bundle month begins is wholly that month's.
    """

    searches: int = 0
    inserts: int = 0
    chunks_inserted: int = 0
    bytes_inserted: int = 0
    chunks: int = 0
    disk_bytes: int = 0


class MonthUse(msgspec.Struct, frozen=True):
    """A bundle month, with its meters' limits as they were in it; `searches` to `bytes` as in `DayUse`."""

    month: BundleMonth
    meters: tuple[MeterUse, ...]
    calls: int
    estimated_calls: int
    tokens: ModelTokens
    searches: int = 0
    inserts: int = 0
    chunks: int = 0
    bytes: int = 0


class Consumption(msgspec.Struct, frozen=True):
    """The running bundle month of a resource. It is refilled at `month.end_at`, None before its activation.

    `calls` and `tokens` are those of the bundle month; `disk_bytes_max` is 0 for model packs, `knowledge` None.
    """

    resource_id: ResourceId
    month: BundleMonth | None
    meters: tuple[MeterUse, ...]
    calls: int
    estimated_calls: int
    tokens: ModelTokens
    disk_bytes_max: int = 0
    knowledge: KnowledgeUse | None = None

    @property
    def disk_percent(self) -> float:
        """Of the disk, 0 to 100; 0 for model packs."""
        used = self.knowledge.disk_bytes if self.knowledge is not None else 0
        return 100 * used / self.disk_bytes_max if self.disk_bytes_max else 0.0


class DayUse(msgspec.Struct, frozen=True, kw_only=True):
    """A UTC day's calls (a row a key or model where it is split). Days without consumption are left out.

    `key` is a key's shown prefix with its description, `-` for calls without one. The knowledge counts are zero
    in rows that are split.
    """

    day: date
    key: str = ""
    model: str = ""
    calls: int = 0
    estimated_calls: int = 0
    tokens: ModelTokens = ModelTokens()
    searches: int = 0
    inserts: int = 0
    chunks: int = 0
    bytes: int = 0


class Span(msgspec.Struct, frozen=True):
    """From `from_at` (inclusive) to `to_at` (exclusive). With `month_start_at` it is the bundle month that starts then,
    and counts the calls that were admitted in it."""

    from_at: datetime
    to_at: datetime
    month_start_at: datetime | None = None


def of_month(month: BundleMonth) -> Span:
    return Span(month.start_at, month.end_at, month.start_at)


def named_span(name: SpanName, *, now: datetime, anchor_at: datetime | None, back: int = 0) -> Span:
    """Seven UTC days and today's month each with today; `six_months` are 183 days.

    `back` counts bundle months, 0 is the running one. Refused(invalid_request) where there was none, or for `back` with
    another span.
    """
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC)
    end = midnight + timedelta(days=1)
    if name == "bundle_month":
        months = months_back(anchor_at, now=now, count=back + 1)
        if len(months) <= back:
            raise Refused("invalid_request", "The resource had no such bundle month.", field="back")
        return of_month(months[back])
    if back:
        raise Refused("invalid_request", "Only bundle months are counted back.", field="back")
    if name == "week":
        return Span(end - timedelta(days=7), end)
    return Span(end - timedelta(days=SIX_MONTHS_DAYS) if name == "six_months" else midnight.replace(day=1), end)


def months_back(anchor_at: datetime | None, *, now: datetime, count: int) -> list[BundleMonth]:
    """At most so many bundle months of a resource activated at `anchor_at`, the running one first."""
    months: list[BundleMonth] = []
    at = now
    while anchor_at is not None and at >= anchor_at and len(months) < count:
        months.append(bundle_month(anchor_at, at))
        at = months[-1].start_at - timedelta(microseconds=1)
    return months


CSV_HEADER = (
    "day",
    "key",
    "model",
    "calls",
    "estimated_calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "searches",
    "inserts",
    "chunks",
    "bytes",
)


def csv_rows(days: Iterable[DayUse]) -> list[tuple[str | int, ...]]:
    """The header and a row for each; for a csv writer."""
    rows: list[tuple[str | int, ...]] = [CSV_HEADER]
    for one in days:
        tokens = one.tokens
        counts = (one.calls, one.estimated_calls, tokens.input, tokens.output, tokens.cache_read)
        more = (tokens.cache_write, one.searches, one.inserts, one.chunks, one.bytes)
        rows.append((one.day.isoformat(), one.key, one.model, *counts, *more))
    return rows
