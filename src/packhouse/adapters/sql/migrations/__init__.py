"""The history of the schema: forward only, each step such that nodes of the version before survive it."""
