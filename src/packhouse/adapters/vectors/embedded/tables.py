"""The chunk tables of a knowledge base: where they lie, their locks, their handles. Blocking: for threads."""

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from packhouse.adapters.vectors.embedded.columns import schema_of
from packhouse.adapters.vectors.embedded.durable import REMOVED, NewFiles, entries, remove_directory, remove_leftovers
from packhouse.adapters.vectors.embedded.lance import Lance, Table, conflicted, translated
from packhouse.adapters.vectors.embedded.locks import locked, locked_if_free
from packhouse.adapters.vectors.embedded.names import safe_name
from packhouse.domain.errors import Refused
from packhouse.domain.units import CollectionId

OPEN_TABLES_MAX = 64
"""Handles kept open; each costs up to a megabyte."""

CONFLICTS_MAX = 10
_NEWEST = 2**64 - 1
"""LanceDB names the manifest of version v by this number less v, so that the newest sorts first."""

TEXT_INDEX = "text_words"


class OpenTable:
    """A table with what of it is known to be on disk."""

    def __init__(self, table: Table, directory: Path) -> None:
        self.table = table
        self.files = NewFiles(directory)


class Tables:
    """`lance` gives the library, loading it if need be."""

    def __init__(self, directory: Path, dimensions: int, *, lance: Callable[[], Lance]) -> None:
        self.dimensions = dimensions
        self._base = directory
        self._directory = directory / "chunks"
        self._locks = directory / "locks"
        self._lance = lance
        self._turn = threading.Lock()
        self._open = OrderedDict[CollectionId, OpenTable]()

    def version(self, collection_id: CollectionId) -> int:
        """The newest version on disk, read from the names of its files; 0 where there is no table yet."""
        names = [entry.name for entry in entries(self._path(collection_id) / "_versions")]
        numbers = [int(name.removesuffix(".manifest")) for name in names if name.endswith(".manifest")]
        return _NEWEST - min(numbers) if numbers else 0

    def versions(self, collection_id: CollectionId) -> int:
        """How many versions still lie on disk."""
        names = [entry.name for entry in entries(self._path(collection_id) / "_versions")]
        return sum(name.endswith(".manifest") for name in names)

    def find(self, collection_id: CollectionId) -> OpenTable | None:
        """None where nothing was ever put in."""
        with self._turn:
            if (known := self._open.get(collection_id)) is not None:
                self._open.move_to_end(collection_id)
                return known
        if not self.version(collection_id):
            return None
        with translated():
            table = self._lance().database(self._directory).open_table(safe_name(collection_id))
        return self._kept(collection_id, table)

    def rest(self) -> None:
        """Lets the handles go; they are opened again when they are needed."""
        with self._turn:
            self._open.clear()

    def make(self, collection_id: CollectionId) -> OpenTable:
        """The table, made if need be; hold its write lock."""
        found = self.find(collection_id)
        if found is None:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            with translated():
                database = self._lance().database(self._directory)
                schema = schema_of(self.dimensions)
                found = self._kept(collection_id, database.create_table(collection_id, schema=schema, exist_ok=True))
        if found.table.version < 3:  # the first is empty, the second adds the index
            self._index_text(found.table)
        return found

    def drop(self, collection_id: CollectionId) -> None:
        """The whole table; hold its write lock."""
        with self._turn:
            self._open.pop(collection_id, None)
        remove_directory(self._path(collection_id))
        for lock in (self._lock(collection_id, "upkeep"), self._lock(collection_id, "write")):
            lock.unlink(missing_ok=True)

    @contextmanager
    def writing(self, collection_id: CollectionId) -> Generator[None]:
        """One writer of a collection at a time, and none while the knowledge base is erased: Refused(not_found)."""
        with ExitStack() as held:
            try:
                held.enter_context(locked(self._base / "lock", shared=True))
                self._locks.mkdir(mode=0o700, exist_ok=True)
                held.enter_context(locked(self._lock(collection_id, "write")))
            except FileNotFoundError as error:
                raise Refused("not_found", "This knowledge base was erased.") from error
            yield

    @contextmanager
    def tidying(self, collection_id: CollectionId) -> Generator[bool]:
        """False where another process tidies the collection already. Erasing waits until it is over."""
        with (
            locked(self._base / "lock", shared=True),
            locked_if_free(self._lock(collection_id, "upkeep")) as mine,
        ):
            yield mine

    def drop_strays(self, exists: Callable[[CollectionId], bool]) -> None:
        """Removes what a tidier wrote into a table that was dropped meanwhile, and removals cut short."""
        remove_leftovers(self._directory)
        for entry in entries(self._directory):
            name = entry.name.removesuffix(".lance")
            if name != entry.name and not entry.name.startswith(REMOVED) and not exists(CollectionId(name)):
                remove_directory(Path(entry.path))

    def commit(self, opened: OpenTable, work: Callable[[Table], object]) -> None:
        """Does the work, again where a tidier was quicker; on disk for good when this returns."""
        with translated():
            for attempt in range(CONFLICTS_MAX):
                try:
                    work(opened.table)
                    break
                except (RuntimeError, ValueError, OSError) as error:
                    if attempt + 1 == CONFLICTS_MAX or not conflicted(error):
                        raise
                time.sleep(random.uniform(0.01, 0.05) * (attempt + 1))  # noqa: S311
        opened.files.sync()

    def _index_text(self, table: Table) -> None:
        from lancedb.index import FTS

        if any(index.name == TEXT_INDEX for index in table.list_indices()):
            return
        with translated():  # words by ICU's dictionaries: languages without spaces have words too
            words = FTS(base_tokenizer="icu/split", stem=False, remove_stop_words=False)
            table.create_index("text", config=words, name=TEXT_INDEX)

    def _kept(self, collection_id: CollectionId, table: Table) -> OpenTable:
        with self._turn:
            kept = self._open.setdefault(collection_id, OpenTable(table, self._path(collection_id)))
            while len(self._open) > OPEN_TABLES_MAX:
                self._open.popitem(last=False)
            return kept

    def _path(self, collection_id: CollectionId) -> Path:
        return self._directory / f"{safe_name(collection_id)}.lance"

    def _lock(self, collection_id: CollectionId, kind: str) -> Path:
        return self._locks / f"{safe_name(collection_id)}.{kind}"
