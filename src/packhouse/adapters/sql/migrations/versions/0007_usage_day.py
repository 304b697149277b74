"""Sums of usage by the day: months of it are read at once, and a bundle month's to the call."""

from alembic import op
from sqlalchemy import PrimaryKeyConstraint

from packhouse.adapters.sql.migrations.shapes import number, text

revision = "0007"
down_revision = "0006"

_DAYS = """
INSERT INTO usage_day (resource_id, day_at, month_start, key_id, model, calls, estimated_calls,
    input, output, cache_read, cache_write)
SELECT resource_id, started_at - started_at % 86400000000, month_start, coalesce(key_id, ''), model, count(*),
    sum(CASE WHEN source = 'estimated' THEN 1 ELSE 0 END), sum(input), sum(output), sum(cache_read), sum(cache_write)
FROM usage_record GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    op.create_table(
        "usage_day",
        text("resource_id"),
        number("day_at"),
        number("month_start"),
        text("key_id"),
        text("model"),
        number("calls", default="0"),
        number("estimated_calls", default="0"),
        number("input", default="0"),
        number("output", default="0"),
        number("cache_read", default="0"),
        number("cache_write", default="0"),
        PrimaryKeyConstraint("resource_id", "day_at", "month_start", "key_id", "model", name="pk_usage_day"),
        sqlite_with_rowid=False,
    )
    op.execute(_DAYS)
