"""Durable jobs with leases, in the installation's database."""
