"""Which schema the database has, and bringing it forward. Never back."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0009"
"""The newest migration. Revisions are numbers of four digits, so that they compare as text."""

MIGRATIONS = Path(__file__).with_name("migrations")


def schema_version(connection: Connection) -> str | None:
    """None: there is no schema yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def upgrade(connection: Connection) -> None:
    """Run what is missing, within the connection's transaction."""
    from alembic import command  # only a new or an older database needs it, and it takes half a second to load
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
