"""The catalog from a file."""
