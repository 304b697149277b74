"""The background loop: ingestion and recovery."""
