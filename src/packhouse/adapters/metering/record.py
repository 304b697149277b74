"""What the meter writes: one record a call, counts for knowledge bases. Metadata only, no content."""

import msgspec

from packhouse.domain.units import ModelTokens
from packhouse.ports.meter import Operation, Outcome, Source


class UsageRecord(msgspec.Struct, frozen=True):
    """One call. Instants in microseconds since the epoch; fields in the order of the table's columns."""

    call_id: str
    company_id: str
    resource_id: str
    key_id: str | None
    model: str
    operation: Operation
    month_start: int
    started_at: int
    recorded_at: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    source: Source
    outcome: Outcome
    latency_ms: int

    @property
    def tokens(self) -> ModelTokens:
        return ModelTokens(self.input, self.output, self.cache_read, self.cache_write)


class KnowledgeCount(msgspec.Struct, frozen=True):
    """What was done in a knowledge base within an hour."""

    resource_id: str
    hour_at: int
    searches: int
    inserts: int
    chunks: int
    bytes: int

    def __add__(self, other: "KnowledgeCount") -> "KnowledgeCount":
        assert (self.resource_id, self.hour_at) == (other.resource_id, other.hour_at)
        return KnowledgeCount(
            self.resource_id,
            self.hour_at,
            self.searches + other.searches,
            self.inserts + other.inserts,
            self.chunks + other.chunks,
            self.bytes + other.bytes,
        )
