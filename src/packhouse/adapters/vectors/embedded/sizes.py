"""How large knowledge bases are, for the control plane: read beside the engine, which stays unloaded."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from packhouse.adapters.vectors.embedded.catalog_file import BUSY_SECONDS, NAME
from packhouse.adapters.vectors.embedded.durable import disk_bytes
from packhouse.adapters.vectors.embedded.names import safe_name
from packhouse.domain.knowledge import KnowledgeSize
from packhouse.domain.units import ResourceId


class EmbeddedSizes:
    """A `KnowledgeSizes` over the engine's directory. Makes nothing, and writes nothing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def size(self, resource_id: ResourceId) -> KnowledgeSize:
        return await asyncio.to_thread(_size, self._root / safe_name(resource_id))


def _size(directory: Path) -> KnowledgeSize:
    catalog = directory / NAME
    if not catalog.exists():
        return KnowledgeSize()
    try:
        return KnowledgeSize(_chunks(catalog), disk_bytes(directory))
    except sqlite3.OperationalError:  # it is being made, or erased, at this moment
        return KnowledgeSize(0, disk_bytes(directory))


def _chunks(catalog: Path) -> int:
    """Every write keeps the count of its collection."""
    with closing(sqlite3.connect(f"{catalog.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as sql:
        (chunks,) = sql.execute("SELECT coalesce(sum(chunks), 0) FROM tally").fetchone()
        return chunks
