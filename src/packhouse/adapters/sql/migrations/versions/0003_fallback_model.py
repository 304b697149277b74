"""The model that answers where a resource's own cannot."""

from alembic import op
from sqlalchemy import Column, String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("resource", Column("fallback_model", String, nullable=False, server_default=""))
