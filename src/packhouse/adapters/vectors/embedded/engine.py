"""Knowledge bases below one directory, for any number of processes of one machine."""

import asyncio
import threading
from collections import OrderedDict, defaultdict
from contextlib import suppress
from pathlib import Path

from packhouse.adapters.vectors.embedded.catalog_file import ERASING
from packhouse.adapters.vectors.embedded.durable import remove_directory, remove_leftovers
from packhouse.adapters.vectors.embedded.lance import Lance
from packhouse.adapters.vectors.embedded.locks import locked
from packhouse.adapters.vectors.embedded.names import safe_name
from packhouse.adapters.vectors.embedded.routing import Tuning
from packhouse.adapters.vectors.embedded.store import EmbeddedKnowledgeStore
from packhouse.adapters.vectors.embedded.threads import Threads
from packhouse.domain.errors import Refused
from packhouse.domain.units import ResourceId

OPEN_MAX = 100
"""Knowledge bases that a process keeps open; each has three files."""

ERASE_WAITS_SECONDS = 120.0
"""For writes and upkeep that still run in some process."""


class EmbeddedVectorEngine:
    """One directory a knowledge base below `root`; LanceDB is loaded when the first chunk is touched.

    Belongs to one event loop. A process that has used it must not fork.
    """

    def __init__(self, root: Path, *, tuning: Tuning = Tuning()) -> None:  # noqa: B008 # frozen
        self._root = root
        self._tuning = tuning
        self._threads = Threads()
        self._opening = defaultdict[ResourceId, asyncio.Lock](asyncio.Lock)
        self._stores = OrderedDict[ResourceId, EmbeddedKnowledgeStore]()
        self._lance: Lance | None = None
        self._loading = threading.Lock()

    async def open(self, resource_id: ResourceId, dimensions: int) -> EmbeddedKnowledgeStore:
        """Refused(conflict) where the knowledge base was made with other dimensions."""
        async with self._opening[resource_id]:
            known = self._stores.get(resource_id)
            if known is not None and known.dimensions == dimensions and not known.erased:
                self._stores.move_to_end(resource_id)
                return known
            made = await self._threads.run("lists", self._made, resource_id, dimensions)
            await self._forget(resource_id)
            self._stores[resource_id] = made
            await self._rest_others()
            return made

    async def erase(self, resource_id: ResourceId) -> None:
        async with self._opening[resource_id]:
            await self._forget(resource_id)
            await self._threads.run("writes", self._erase, resource_id)

    async def close(self) -> None:
        for resource_id in list(self._stores):
            await self._forget(resource_id)
        await self._threads.close()

    async def _forget(self, resource_id: ResourceId) -> None:
        if (store := self._stores.pop(resource_id, None)) is not None:
            await store.close()

    async def _rest_others(self) -> None:
        """The one that was opened longest ago forgets its files; it stays usable."""
        if len(self._stores) > OPEN_MAX:
            _, oldest = self._stores.popitem(last=False)
            await oldest.rest()

    def _made(self, resource_id: ResourceId, dimensions: int) -> EmbeddedKnowledgeStore:
        directory = self._root / safe_name(resource_id)
        if (directory / ERASING).exists():  # whoever erased it died before the end
            self._erase(resource_id)
        return EmbeddedKnowledgeStore(
            directory, dimensions, threads=self._threads, lance=self._loaded, tuning=self._tuning
        )

    def _erase(self, resource_id: ResourceId) -> None:
        directory = self._root / safe_name(resource_id)
        remove_leftovers(self._root)
        with suppress(FileNotFoundError):  # gone already
            (directory / ERASING).touch()
            with locked(directory / "lock", wait_seconds=ERASE_WAITS_SECONDS):
                remove_directory(directory)

    def _loaded(self) -> Lance:
        with self._loading:
            if self._lance is None:
                try:
                    self._lance = Lance()
                except ImportError as error:
                    raise Refused(
                        "unavailable", "The embedded vector engine is not installed: `pip install lancedb`."
                    ) from error
            return self._lance
