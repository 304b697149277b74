"""Tables of alerts, their deliveries and webhooks: written by the worker too, which does without this library."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, UniqueConstraint

from packhouse.adapters.sql.tables.columns import Instant, at, count, metadata, refers

alert = Table(
    "alert",
    metadata,
    Column("id", String, primary_key=True),
    Column("company_id", String, nullable=False),
    Column("resource_id", String, nullable=False),
    Column("resource_name", String, nullable=False),
    at("month_start"),
    at("refill_at"),
    Column("meter", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("limit_amount", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False),
    at("runs_dry_at", nullable=True),
    at("raised_at"),
    UniqueConstraint("resource_id", "month_start", "meter", "kind"),
    Index("ix_alert_company_id_raised_at", "company_id", "raised_at"),
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("id", String, primary_key=True),
    Column("company_id", String, nullable=False),
    Column("alert_id", String, index=True),
    Column("channel", String, nullable=False),
    Column("target", String, nullable=False),
    Column("state", String, nullable=False),
    count("attempts"),
    Column("error", String, nullable=False, server_default=""),
    at("created_at"),
    at("next_at"),
    Column("lease_owner", String),
    at("lease_until", nullable=True),
    at("ended_at", nullable=True),
    Index("ix_alert_delivery_state_next_at", "state", "next_at"),
    Index("ix_alert_delivery_target_created_at", "target", "created_at"),
)

alert_look = Table(
    "alert_look",
    metadata,
    Column("resource_id", String, primary_key=True),
    at("looked_at"),
)

alert_mute = Table(
    "alert_mute",
    metadata,
    refers("user_id", "app_user.id", primary_key=True),
    Column("resource_id", String, primary_key=True),
    at("muted_at"),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", String, primary_key=True),
    refers("company_id", "company.id", index=True),
    Column("url", String, nullable=False),
    Column("description", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_reason", String, nullable=False, server_default=""),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary),
    Column("previous_until_at", Instant),
    Column("created_by", String, nullable=False),
    at("created_at"),
)
