"""The meter: keys, quotas and usage on the request path, on sqlite3 alone."""
