"""The only place that names adapters and entrypoints together, one file a part."""
