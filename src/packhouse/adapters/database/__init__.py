"""The installation's database without SQLAlchemy, for the data plane: blocking connections, SQLite or PostgreSQL."""
