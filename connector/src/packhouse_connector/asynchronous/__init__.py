"""The asynchronous connector: a thin shell of asyncio I/O around the core."""
