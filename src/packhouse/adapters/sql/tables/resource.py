"""Tables of resources, their limits, teams and keys: what the data plane reads to admit a call."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
)

from packhouse.adapters.sql.tables.columns import Instant, at, metadata, refers

resource = Table(
    "resource",
    metadata,
    Column("id", String, primary_key=True),
    refers("company_id", "company.id", index=True),
    Column("type", String, nullable=False),
    Column("display_name", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("region", String, nullable=False),
    Column("cri", Boolean, nullable=False),
    Column("model", String, nullable=False),
    Column("fallback_model", String, nullable=False, server_default=""),
    Column("embeddings_model", String, nullable=False, server_default=""),
    Column("embeddings_dimensions", Integer, nullable=False, server_default="0"),
    Column("plan", String, nullable=False),
    Column("created_for_name", String, nullable=False),
    Column("created_for_email", String, nullable=False),
    refers("embeddings_resource_id", "resource.id", index=True, nullable=True),
    Column("suspension", String, nullable=False, server_default=""),
    Column("created_by", String, nullable=False),
    at("created_at"),
    at("activated_at", nullable=True),
    at("failed_at", nullable=True),
    at("ends_at", nullable=True),
    Column("next_plan", String),
    at("next_plan_at", nullable=True),
    at("deprovisioned_at", nullable=True),
    CheckConstraint("ends_at IS NULL OR next_plan IS NULL", name="one_scheduled_change"),
    CheckConstraint("(next_plan IS NULL) = (next_plan_at IS NULL)", name="next_plan_has_instant"),
)

resource_limit = Table(
    "resource_limit",
    metadata,
    refers("resource_id", "resource.id", primary_key=True),
    Column("meter", String, primary_key=True),
    Column("from_at", Instant, primary_key=True),
    Column("input_weight", BigInteger, nullable=False),
    Column("output_weight", BigInteger, nullable=False),
    Column("cache_read_weight", BigInteger, nullable=False),
    Column("cache_write_weight", BigInteger, nullable=False),
    Column("limit_amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

entitlement_revision = Table(
    "entitlement_revision",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
)

membership = Table(
    "membership",
    metadata,
    refers("resource_id", "resource.id", primary_key=True),
    refers("user_id", "app_user.id", primary_key=True, index=True),
    Column("added_by", String, nullable=False),
    at("added_at"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", String, primary_key=True),
    Column("public_id", String, nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False),
    refers("home_resource_id", "resource.id", index=True),
    refers("company_id", "company.id"),
    Column("created_by", String, nullable=False),
    Column("description", String, nullable=False),
    at("created_at"),
    at("expires_at", nullable=True),
    at("revoked_at", nullable=True),
    at("last_used_at", nullable=True),
)

key_opening = Table(
    "key_opening",
    metadata,
    refers("key_id", "api_key.id", primary_key=True),
    refers("resource_id", "resource.id", primary_key=True, index=True),
    at("opened_at"),
)

provision_request = Table(
    "provision_request",
    metadata,
    refers("company_id", "company.id", primary_key=True),
    Column("idempotency_key", String, primary_key=True),
    Column("order_digest", LargeBinary, nullable=False),
    refers("resource_id", "resource.id"),
    at("created_at"),
)
