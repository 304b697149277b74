"""What the meter writes: a record for each call, a count for each thing done in a knowledge base. No content."""

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


class KnowledgeCount(msgspec.Struct, frozen=True, array_like=True, tag="K"):
    """What was done in a knowledge base at one time, in the journal and, in the order of its columns, in the table."""

    count_id: str
    resource_id: str
    counted_at: int
    searches: int
    inserts: int
    chunks: int
    bytes: int
