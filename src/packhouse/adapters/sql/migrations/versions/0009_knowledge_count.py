"""What is done in knowledge bases is kept one by one, so that it is counted once, and its sums can be made anew.

What was summed before stands there as one count for each hour.
"""

from alembic import op
from sqlalchemy import PrimaryKeyConstraint

from packhouse.adapters.sql.migrations.shapes import number, text

revision = "0009"
down_revision = "0008"

_BEFORE = """
INSERT INTO knowledge_count (count_id, resource_id, counted_at, searches, inserts, chunks, bytes)
SELECT 'count_' || resource_id || '_' || hour_at, resource_id, hour_at, searches, inserts, chunks, bytes
FROM knowledge_hour
"""


def upgrade() -> None:
    op.create_table(
        "knowledge_count",
        text("count_id"),
        text("resource_id"),
        number("counted_at"),
        number("searches", default="0"),
        number("inserts", default="0"),
        number("chunks", default="0"),
        number("bytes", default="0"),
        PrimaryKeyConstraint("count_id", name="pk_knowledge_count"),
    )
    op.create_index("ix_knowledge_count_resource_id_counted_at", "knowledge_count", ["resource_id", "counted_at"])
    op.execute(_BEFORE)
    if op.get_bind().dialect.name == "postgresql":
        then = "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    else:
        then = "BEGIN SELECT RAISE(ABORT, 'knowledge_count is only added to'); END"
    op.execute(f"CREATE TRIGGER knowledge_count_update_refused BEFORE UPDATE ON knowledge_count {then}")
