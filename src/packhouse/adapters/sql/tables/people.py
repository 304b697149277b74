"""Tables of companies, users and how they sign in."""

from sqlalchemy import Boolean, Column, LargeBinary, String, Table

from packhouse.adapters.sql.tables.columns import at, count, metadata, refers

company = Table(
    "company",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("self_service", Boolean, nullable=False),
    Column("external_invitations", Boolean, nullable=False),
    at("created_at"),
)

app_user = Table(
    "app_user",
    metadata,
    Column("id", String, primary_key=True),
    Column("email", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("role", String, nullable=False),
    refers("company_id", "company.id", index=True, nullable=True),
    Column("password_hash", String),
    at("created_at"),
    at("disabled_at", nullable=True),
)

session = Table(
    "session",
    metadata,
    Column("id", String, primary_key=True),
    refers("user_id", "app_user.id", index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    at("created_at"),
    at("expires_at"),
)

personal_token = Table(
    "personal_token",
    metadata,
    Column("id", String, primary_key=True),
    refers("user_id", "app_user.id", index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("prefix", String, nullable=False),
    Column("description", String, nullable=False),
    at("created_at"),
    at("expires_at", nullable=True),
    at("revoked_at", nullable=True),
    at("last_used_at", nullable=True),
)

link_token = Table(
    "link_token",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    refers("user_id", "app_user.id", index=True),
    at("expires_at"),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("email", String, primary_key=True),
    count("failures"),
    at("since_at"),
)

terms_acceptance = Table(
    "terms_acceptance",
    metadata,
    refers("company_id", "company.id", primary_key=True),
    Column("terms_id", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("accepted_by", String, nullable=False),
    at("accepted_at"),
)
