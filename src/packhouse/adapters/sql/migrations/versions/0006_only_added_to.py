"""What is only added to is guarded by the database itself, and blocks have a fence.

A block knows what running calls hold of it, a process when others may give it up.
"""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0006"
down_revision = "0005"

FIXED = ("ledger_entry", "ledger_posting", "activity_entry")
"""Never changed, never deleted."""

_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is only added to', ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def upgrade() -> None:
    op.add_column("meter_block", Column("held", BigInteger, nullable=False, server_default="0"))
    op.add_column("meter_process", Column("forsaken_at", BigInteger))
    guard = _guard_postgresql if op.get_bind().dialect.name == "postgresql" else _guard_sqlite
    guard()


def _guard_postgresql() -> None:
    op.execute(_FUNCTION)
    for table in FIXED:
        _trigger(table, "UPDATE OR DELETE OR TRUNCATE", then="FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    _trigger("usage_record", "UPDATE", then="FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def _guard_sqlite() -> None:
    for table in FIXED:
        for change in ("UPDATE", "DELETE"):
            _trigger(table, change, then=_sqlite_refusal(table))
    _trigger("usage_record", "UPDATE", then=_sqlite_refusal("usage_record"))


def _trigger(table: str, change: str, *, then: str) -> None:
    name = f"{table}_{change.partition(' ')[0].lower()}_refused"
    op.execute(f"CREATE TRIGGER {name} BEFORE {change} ON {table} {then}")


def _sqlite_refusal(table: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"
