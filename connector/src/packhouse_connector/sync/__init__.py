"""The synchronous connector: a thin shell of blocking I/O around the core."""
