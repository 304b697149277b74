"""Alerts, their deliveries, who wants none by e-mail, and webhooks."""

from alembic import op
from sqlalchemy import Column, ForeignKeyConstraint, LargeBinary, PrimaryKeyConstraint, UniqueConstraint

from packhouse.adapters.sql.migrations.shapes import blob, flag, number, text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _alert()
    _delivery()
    _marks()
    _webhook()


def _alert() -> None:
    op.create_table(
        "alert",
        text("id"),
        text("company_id"),
        text("resource_id"),
        text("resource_name"),
        number("month_start"),
        number("refill_at"),
        text("meter"),
        text("kind"),
        number("used"),
        number("limit_amount"),
        flag("told"),
        number("runs_dry_at", null=True),
        number("raised_at"),
        PrimaryKeyConstraint("id", name="pk_alert"),
        UniqueConstraint(
            "resource_id", "month_start", "meter", "kind", name="uq_alert_resource_id_month_start_meter_kind"
        ),
    )
    op.create_index("ix_alert_company_id_raised_at", "alert", ["company_id", "raised_at"])


def _delivery() -> None:
    op.create_table(
        "alert_delivery",
        text("id"),
        text("company_id"),
        text("alert_id", null=True),
        text("channel"),
        text("target"),
        text("state"),
        number("attempts", default="0"),
        text("error", default=""),
        number("created_at"),
        number("next_at"),
        text("lease_owner", null=True),
        number("lease_until", null=True),
        number("ended_at", null=True),
        PrimaryKeyConstraint("id", name="pk_alert_delivery"),
    )
    op.create_index("ix_alert_delivery_alert_id", "alert_delivery", ["alert_id"])
    op.create_index("ix_alert_delivery_state_next_at", "alert_delivery", ["state", "next_at"])
    op.create_index("ix_alert_delivery_target_created_at", "alert_delivery", ["target", "created_at"])


def _marks() -> None:
    op.create_table(
        "alert_look",
        text("resource_id"),
        number("looked_at"),
        PrimaryKeyConstraint("resource_id", name="pk_alert_look"),
    )
    op.create_table(
        "alert_mute",
        text("user_id"),
        text("resource_id"),
        number("muted_at"),
        PrimaryKeyConstraint("user_id", "resource_id", name="pk_alert_mute"),
        ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_alert_mute_user_id"),
    )


def _webhook() -> None:
    op.create_table(
        "webhook",
        text("id"),
        text("company_id"),
        text("url"),
        text("description"),
        flag("enabled"),
        text("disabled_reason", default=""),
        blob("secret"),
        Column("previous_secret", LargeBinary),
        number("previous_until_at", null=True),
        text("created_by"),
        number("created_at"),
        PrimaryKeyConstraint("id", name="pk_webhook"),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_webhook_company_id"),
    )
    op.create_index("ix_webhook_company_id", "webhook", ["company_id"])
