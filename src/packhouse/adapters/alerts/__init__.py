"""Alerts and their outbox in the installation's database, without SQLAlchemy, for the worker."""
