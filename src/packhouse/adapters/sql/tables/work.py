"""Tables of jobs (ids only) and of the activity log."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table

from packhouse.adapters.sql.tables.columns import at, count, metadata

job = Table(
    "job",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("subject_id", String, nullable=False, index=True),
    Column("state", String, nullable=False),
    count("attempts"),
    count("done"),
    count("total"),
    Column("failure", String, nullable=False, server_default=""),
    at("created_at"),
    at("available_at"),
    Column("lease_owner", String),
    at("lease_until", nullable=True),
    at("finished_at", nullable=True),
    Index("ix_job_state_available_at", "state", "available_at"),
)

activity_chain = Table(
    "activity_chain",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

activity_entry = Table(
    "activity_entry",
    metadata,
    Column("company_id", String, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    at("at"),
    Column("actor_id", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("subject_id", String, nullable=False),
    Column("resource_id", String),
    Column("facts", String, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_activity_entry_resource_id_number", "resource_id", "number"),
)
