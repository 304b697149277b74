"""What a knowledge base embeds with, pinned when it is provisioned; empty and 0 for those that are older."""

from alembic import op
from sqlalchemy import Column, Integer, String

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("resource", Column("embeddings_model", String, nullable=False, server_default=""))
    op.add_column("resource", Column("embeddings_dimensions", Integer, nullable=False, server_default="0"))
