"""What the data plane writes: quota in use, usage, jobs."""

from alembic import op
from sqlalchemy import PrimaryKeyConstraint

from packhouse.adapters.sql.migrations.shapes import number, text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _meter()
    _usage()
    _sums()
    _jobs()


def _meter() -> None:
    op.create_table(
        "meter_process",
        text("id"),
        text("kind"),
        number("started_at"),
        number("lease_until"),
        PrimaryKeyConstraint("id", name="pk_meter_process"),
    )
    op.create_table(
        "meter_block",
        text("process_id"),
        text("resource_id"),
        number("month_start"),
        text("meter"),
        number("amount"),
        PrimaryKeyConstraint("process_id", "resource_id", "month_start", "meter", name="pk_meter_block"),
    )
    op.create_index("ix_meter_block_place", "meter_block", ["resource_id", "month_start", "meter"])
    op.create_table(
        "usage_total",
        text("resource_id"),
        number("month_start"),
        text("meter"),
        number("used"),
        PrimaryKeyConstraint("resource_id", "month_start", "meter", name="pk_usage_total"),
        sqlite_with_rowid=False,
    )


def _usage() -> None:
    op.create_table(
        "usage_record",
        text("call_id"),
        number("recorded_at"),
        number("started_at"),
        text("company_id"),
        text("resource_id"),
        text("key_id", null=True),
        text("model"),
        text("operation"),
        number("month_start"),
        number("input", default="0"),
        number("output", default="0"),
        number("cache_read", default="0"),
        number("cache_write", default="0"),
        text("source"),
        text("outcome"),
        number("latency_ms", default="0"),
        PrimaryKeyConstraint("call_id", name="pk_usage_record"),
    )
    op.create_index("ix_usage_record_resource_id_started_at", "usage_record", ["resource_id", "started_at"])


def _sums() -> None:
    op.create_table(
        "usage_hour",
        text("resource_id"),
        number("hour_at"),
        text("key_id"),
        text("model"),
        number("calls", default="0"),
        number("estimated_calls", default="0"),
        number("input", default="0"),
        number("output", default="0"),
        number("cache_read", default="0"),
        number("cache_write", default="0"),
        PrimaryKeyConstraint("resource_id", "hour_at", "key_id", "model", name="pk_usage_hour"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "knowledge_hour",
        text("resource_id"),
        number("hour_at"),
        number("searches", default="0"),
        number("inserts", default="0"),
        number("chunks", default="0"),
        number("bytes", default="0"),
        PrimaryKeyConstraint("resource_id", "hour_at", name="pk_knowledge_hour"),
        sqlite_with_rowid=False,
    )


def _jobs() -> None:
    op.create_table(
        "job",
        text("id"),
        text("kind"),
        text("resource_id"),
        text("subject_id"),
        text("state"),
        number("attempts", default="0"),
        number("done", default="0"),
        number("total", default="0"),
        text("failure", default=""),
        number("created_at"),
        number("available_at"),
        text("lease_owner", null=True),
        number("lease_until", null=True),
        number("finished_at", null=True),
        PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_state_available_at", "job", ["state", "available_at"])
    op.create_index("ix_job_subject_id", "job", ["subject_id"])
