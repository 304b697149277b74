"""What Alembic runs: migrations on the connection that `schema.upgrade` hands over."""

from alembic import context

from packhouse.adapters.sql.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
