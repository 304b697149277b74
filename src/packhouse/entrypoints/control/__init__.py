"""The management API (REST)."""
