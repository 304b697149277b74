"""People, entitlements, resources, keys and the activity log."""

from alembic import op
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from packhouse.adapters.sql.migrations.shapes import blob, flag, number, text

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    _people()
    _sessions()
    _tokens()
    _terms()
    _entitlement()
    _resources()
    _limits()
    _teams()
    _keys()
    _log()


def _people() -> None:
    op.create_table(
        "company",
        text("id"),
        text("name"),
        flag("self_service"),
        flag("external_invitations"),
        number("created_at"),
        PrimaryKeyConstraint("id", name="pk_company"),
        UniqueConstraint("name", name="uq_company_name"),
    )
    op.create_table(
        "app_user",
        text("id"),
        text("email"),
        text("name"),
        text("role"),
        text("company_id", null=True),
        text("password_hash", null=True),
        number("created_at"),
        number("disabled_at", null=True),
        PrimaryKeyConstraint("id", name="pk_app_user"),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_app_user_company_id"),
        UniqueConstraint("email", name="uq_app_user_email"),
    )
    op.create_index("ix_app_user_company_id", "app_user", ["company_id"])


def _sessions() -> None:
    op.create_table(
        "session",
        text("id"),
        text("user_id"),
        blob("token_hash"),
        number("created_at"),
        number("expires_at"),
        PrimaryKeyConstraint("id", name="pk_session"),
        ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_session_user_id"),
        UniqueConstraint("token_hash", name="uq_session_token_hash"),
    )
    op.create_index("ix_session_user_id", "session", ["user_id"])
    op.create_table(
        "sign_in_failure",
        text("email"),
        number("failures", default="0"),
        number("since_at"),
        PrimaryKeyConstraint("email", name="pk_sign_in_failure"),
    )


def _tokens() -> None:
    op.create_table(
        "personal_token",
        text("id"),
        text("user_id"),
        blob("token_hash"),
        text("prefix"),
        text("description"),
        number("created_at"),
        number("expires_at", null=True),
        number("revoked_at", null=True),
        number("last_used_at", null=True),
        PrimaryKeyConstraint("id", name="pk_personal_token"),
        ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_personal_token_user_id"),
        UniqueConstraint("token_hash", name="uq_personal_token_token_hash"),
    )
    op.create_index("ix_personal_token_user_id", "personal_token", ["user_id"])
    op.create_table(
        "link_token",
        blob("token_hash"),
        text("user_id"),
        number("expires_at"),
        PrimaryKeyConstraint("token_hash", name="pk_link_token"),
        ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_link_token_user_id"),
    )
    op.create_index("ix_link_token_user_id", "link_token", ["user_id"])


def _terms() -> None:
    op.create_table(
        "terms_acceptance",
        text("company_id"),
        text("terms_id"),
        text("version"),
        text("accepted_by"),
        number("accepted_at"),
        PrimaryKeyConstraint("company_id", "terms_id", "version", name="pk_terms_acceptance"),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_terms_acceptance_company_id"),
    )


def _entitlement() -> None:
    op.create_table(
        "contract",
        text("id"),
        text("company_id"),
        text("reference"),
        number("start_at"),
        number("end_at"),
        PrimaryKeyConstraint("id", name="pk_contract"),
        CheckConstraint("start_at < end_at", name=op.f("ck_contract_has_length")),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_contract_company_id"),
    )
    op.create_index("ix_contract_company_id", "contract", ["company_id"])
    op.create_table(
        "ledger_entry",
        text("id"),
        text("company_id"),
        number("number"),
        text("kind"),
        text("subject_id"),
        text("pack"),
        text("note"),
        text("recorded_by"),
        number("effective_at"),
        number("recorded_at"),
        PrimaryKeyConstraint("id", name="pk_ledger_entry"),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_ledger_entry_company_id"),
        UniqueConstraint("company_id", "number", name="uq_ledger_entry_company_id_number"),
    )
    op.create_table(
        "ledger_posting",
        text("entry_id"),
        number("position"),
        text("account"),
        text("contract_id"),
        text("resource_id", null=True),
        number("cloud_tokens"),
        PrimaryKeyConstraint("entry_id", "position", name="pk_ledger_posting"),
        ForeignKeyConstraint(["contract_id"], ["contract.id"], name="fk_ledger_posting_contract_id"),
        ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name="fk_ledger_posting_entry_id"),
    )


def _resources() -> None:
    op.create_table(
        "resource",
        text("id"),
        text("company_id"),
        text("type"),
        text("display_name"),
        text("environment"),
        text("region"),
        flag("cri"),
        text("model"),
        text("plan"),
        text("created_for_name"),
        text("created_for_email"),
        text("embeddings_resource_id", null=True),
        text("suspension", default=""),
        text("created_by"),
        number("created_at"),
        number("activated_at", null=True),
        number("failed_at", null=True),
        number("ends_at", null=True),
        text("next_plan", null=True),
        number("next_plan_at", null=True),
        number("deprovisioned_at", null=True),
        PrimaryKeyConstraint("id", name="pk_resource"),
        CheckConstraint("(next_plan IS NULL) = (next_plan_at IS NULL)", name=op.f("ck_resource_next_plan_has_instant")),
        CheckConstraint("ends_at IS NULL OR next_plan IS NULL", name=op.f("ck_resource_one_scheduled_change")),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_resource_company_id"),
        ForeignKeyConstraint(["embeddings_resource_id"], ["resource.id"], name="fk_resource_embeddings_resource_id"),
    )
    op.create_index("ix_resource_company_id", "resource", ["company_id"])
    op.create_index("ix_resource_embeddings_resource_id", "resource", ["embeddings_resource_id"])


def _limits() -> None:
    op.create_table(
        "resource_limit",
        text("resource_id"),
        text("meter"),
        number("from_at"),
        number("input_weight"),
        number("output_weight"),
        number("cache_read_weight"),
        number("cache_write_weight"),
        number("limit_amount"),
        PrimaryKeyConstraint("resource_id", "meter", "from_at", name="pk_resource_limit"),
        ForeignKeyConstraint(["resource_id"], ["resource.id"], name="fk_resource_limit_resource_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entitlement_revision",
        number("id"),
        number("value"),
        PrimaryKeyConstraint("id", name="pk_entitlement_revision"),
    )
    op.execute("INSERT INTO entitlement_revision (id, value) VALUES (1, 0)")


def _teams() -> None:
    op.create_table(
        "membership",
        text("resource_id"),
        text("user_id"),
        text("added_by"),
        number("added_at"),
        PrimaryKeyConstraint("resource_id", "user_id", name="pk_membership"),
        ForeignKeyConstraint(["resource_id"], ["resource.id"], name="fk_membership_resource_id"),
        ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_membership_user_id"),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "provision_request",
        text("company_id"),
        text("idempotency_key"),
        blob("order_digest"),
        text("resource_id"),
        number("created_at"),
        PrimaryKeyConstraint("company_id", "idempotency_key", name="pk_provision_request"),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_provision_request_company_id"),
        ForeignKeyConstraint(["resource_id"], ["resource.id"], name="fk_provision_request_resource_id"),
    )


def _keys() -> None:
    op.create_table(
        "api_key",
        text("id"),
        text("public_id"),
        blob("secret_hash"),
        text("home_resource_id"),
        text("company_id"),
        text("created_by"),
        text("description"),
        number("created_at"),
        number("expires_at", null=True),
        number("revoked_at", null=True),
        number("last_used_at", null=True),
        PrimaryKeyConstraint("id", name="pk_api_key"),
        ForeignKeyConstraint(["company_id"], ["company.id"], name="fk_api_key_company_id"),
        ForeignKeyConstraint(["home_resource_id"], ["resource.id"], name="fk_api_key_home_resource_id"),
        UniqueConstraint("public_id", name="uq_api_key_public_id"),
    )
    op.create_index("ix_api_key_home_resource_id", "api_key", ["home_resource_id"])
    op.create_table(
        "key_opening",
        text("key_id"),
        text("resource_id"),
        number("opened_at"),
        PrimaryKeyConstraint("key_id", "resource_id", name="pk_key_opening"),
        ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_key_opening_key_id"),
        ForeignKeyConstraint(["resource_id"], ["resource.id"], name="fk_key_opening_resource_id"),
    )
    op.create_index("ix_key_opening_resource_id", "key_opening", ["resource_id"])


def _log() -> None:
    op.create_table(
        "activity_chain",
        text("company_id"),
        number("number"),
        blob("hash"),
        PrimaryKeyConstraint("company_id", name="pk_activity_chain"),
    )
    op.create_table(
        "activity_entry",
        text("company_id"),
        number("number"),
        number("at"),
        text("actor_id"),
        text("verb"),
        text("subject_id"),
        text("resource_id", null=True),
        text("facts"),
        blob("previous_hash"),
        blob("hash"),
        PrimaryKeyConstraint("company_id", "number", name="pk_activity_entry"),
    )
    op.create_index("ix_activity_entry_resource_id_number", "activity_entry", ["resource_id", "number"])
