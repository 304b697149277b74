"""What was consumed: the running bundle month against its limits, and days of the past."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

import msgspec

from packhouse.domain.month import BundleMonth
from packhouse.domain.units import ModelTokens, ResourceId

Split = Literal["none", "key", "model"]
"""How the rows of a day are told apart."""


class MeterUse(msgspec.Struct, frozen=True):
    """A meter in the running bundle month, in its own units (model tokens, unless the catalog sells units)."""

    meter: str
    limit: int
    used: int

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
    """From `from_at` (inclusive) to `to_at` (exclusive)."""

    from_at: datetime
    to_at: datetime


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


def csv_rows(days: Iterable[DayUse]) -> list[tuple[str, ...]]:
    """The header and a row for each; for a csv writer."""
    rows: list[tuple[str, ...]] = [CSV_HEADER]
    for one in days:
        tokens = one.tokens
        counts = (one.calls, one.estimated_calls, tokens.input, tokens.output, tokens.cache_read)
        more = (tokens.cache_write, one.searches, one.inserts, one.chunks, one.bytes)
        rows.append((one.day.isoformat(), one.key, one.model, *map(str, counts + more)))
    return rows
