"""Durable jobs with leases, on sqlite3 alone."""
