"""Blocks of quota can be recalled: a process that is short asks the others for what they do not hold."""

from alembic import op
from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "meter_recall",
        Column("resource_id", String, nullable=False),
        Column("month_start", BigInteger, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("recalled_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("resource_id", "month_start", name="pk_meter_recall"),
    )
    op.add_column("meter_block", Column("answered", BigInteger, nullable=False, server_default="0"))
