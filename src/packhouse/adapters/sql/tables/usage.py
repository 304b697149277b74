"""Tables of usage: written by the data plane, read for consumption. No content, only counts."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from packhouse.adapters.sql.tables.columns import Instant, at, count, metadata


def _calls() -> list[Column[int]]:
    return [count(name) for name in ("calls", "estimated_calls", "input", "output", "cache_read", "cache_write")]


def _done() -> list[Column[int]]:
    """In a knowledge base."""
    return [count(name) for name in ("searches", "inserts", "chunks", "bytes")]


meter_process = Table(
    "meter_process",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    at("started_at"),
    at("lease_until"),
    Column("forsaken_at", Instant),
)

meter_block = Table(
    "meter_block",
    metadata,
    Column("process_id", String, primary_key=True),
    Column("resource_id", String, primary_key=True),
    Column("month_start", Instant, primary_key=True),
    Column("meter", String, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False, server_default="0"),
    Column("held", BigInteger, nullable=False, server_default="0"),
    Index("ix_meter_block_place", "resource_id", "month_start", "meter"),
)

meter_recall = Table(
    "meter_recall",
    metadata,
    Column("resource_id", String, primary_key=True),
    Column("month_start", Instant, primary_key=True),
    Column("number", BigInteger, nullable=False),
    at("recalled_at"),
)

usage_total = Table(
    "usage_total",
    metadata,
    Column("resource_id", String, primary_key=True),
    Column("month_start", Instant, primary_key=True),
    Column("meter", String, primary_key=True),
    Column("used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

usage_record = Table(
    "usage_record",
    metadata,
    Column("call_id", String, primary_key=True),
    at("recorded_at"),
    at("started_at"),
    Column("company_id", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("key_id", String),
    Column("model", String, nullable=False),
    Column("operation", String, nullable=False),
    at("month_start"),
    count("input"),
    count("output"),
    count("cache_read"),
    count("cache_write"),
    Column("source", String, nullable=False),
    Column("outcome", String, nullable=False),
    count("latency_ms"),
    Index("ix_usage_record_resource_id_started_at", "resource_id", "started_at"),
)

usage_hour = Table(
    "usage_hour",
    metadata,
    Column("resource_id", String, primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    Column("key_id", String, primary_key=True),
    Column("model", String, primary_key=True),
    *_calls(),
    sqlite_with_rowid=False,
)

usage_day = Table(
    "usage_day",
    metadata,
    Column("resource_id", String, primary_key=True),
    Column("day_at", Instant, primary_key=True),
    Column("month_start", Instant, primary_key=True),
    Column("key_id", String, primary_key=True),
    Column("model", String, primary_key=True),
    *_calls(),
    sqlite_with_rowid=False,
)

knowledge_count = Table(
    "knowledge_count",
    metadata,
    Column("count_id", String, primary_key=True),
    Column("resource_id", String, nullable=False),
    at("counted_at"),
    *_done(),
    Index("ix_knowledge_count_resource_id_counted_at", "resource_id", "counted_at"),
)

knowledge_hour = Table(
    "knowledge_hour",
    metadata,
    Column("resource_id", String, primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    *_done(),
    sqlite_with_rowid=False,
)
