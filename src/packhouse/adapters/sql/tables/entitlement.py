"""Tables of contracts and of the journal of cloud tokens, which only grows."""

from sqlalchemy import BigInteger, CheckConstraint, Column, String, Table, UniqueConstraint

from packhouse.adapters.sql.tables.columns import at, metadata, refers

contract = Table(
    "contract",
    metadata,
    Column("id", String, primary_key=True),
    refers("company_id", "company.id", index=True),
    Column("reference", String, nullable=False),
    at("start_at"),
    at("end_at"),
    CheckConstraint("start_at < end_at", name="has_length"),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", String, primary_key=True),
    refers("company_id", "company.id"),
    Column("number", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject_id", String, nullable=False),
    Column("pack", String, nullable=False),
    Column("note", String, nullable=False),
    Column("recorded_by", String, nullable=False),
    at("effective_at"),
    at("recorded_at"),
    UniqueConstraint("company_id", "number"),
)

ledger_posting = Table(
    "ledger_posting",
    metadata,
    refers("entry_id", "ledger_entry.id", primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("account", String, nullable=False),
    refers("contract_id", "contract.id"),
    Column("resource_id", String),
    Column("cloud_tokens", BigInteger, nullable=False),
)
