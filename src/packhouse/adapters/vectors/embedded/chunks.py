"""What is written to and read from chunk tables, searches aside. Blocking: for threads."""

from collections.abc import Callable, Iterable, Sequence

from packhouse.adapters.vectors.embedded.catalog import CollectionList, Tally
from packhouse.adapters.vectors.embedded.columns import CHUNK_COLUMNS, rows_of, to_table
from packhouse.adapters.vectors.embedded.filters import Sql, label, one_of, quoted, to_sql
from packhouse.adapters.vectors.embedded.lance import Merge, Table, ascending, translated
from packhouse.adapters.vectors.embedded.tables import OpenTable, Tables
from packhouse.domain.knowledge import Chunk, EmbeddedChunk, Filter, Metadata, ObjectRef
from packhouse.domain.units import CollectionId


class ChunkTables:
    """Each write is one commit of LanceDB: readers see the table before it or after it."""

    def __init__(self, tables: Tables, collections: CollectionList) -> None:
        self._tables = tables
        self._collections = collections

    def put(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        if chunks:
            self._merge(collection_id, chunks, remove=lambda merge: merge)

    def replace_objects(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        objects = {each.chunk.object for each in chunks if each.chunk.object is not None}
        others = _of_objects(objects)
        if not objects:
            self.put(collection_id, chunks)
        else:
            self._merge(collection_id, chunks, remove=lambda merge: merge.when_not_matched_by_source_delete(others))

    def repopulate(self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk]) -> None:
        self._merge(collection_id, chunks, remove=lambda merge: merge.when_not_matched_by_source_delete())

    def delete(self, collection_id: CollectionId, chosen: Filter) -> int:
        condition = to_sql(chosen)
        self._collections.require(collection_id)
        with self._tables.writing(collection_id):
            self._collections.require(collection_id)
            opened = self._tables.find(collection_id)
            found = 0 if opened is None else _count(opened.table, condition)
            if opened is None or not found:
                return 0
            where = "true" if condition is True else str(condition)
            self._tables.commit(opened, lambda table: table.delete(where))
            self._tally(collection_id, opened)
            return found

    def relabel(self, collection_id: CollectionId, chosen: Filter, *, metadata: Metadata) -> None:
        condition = to_sql(chosen)
        labels = f"make_array({', '.join(quoted(label(key, value)) for key, value in metadata)})"
        self._collections.require(collection_id)
        with self._tables.writing(collection_id):
            self._collections.require(collection_id)
            opened = self._tables.find(collection_id)
            if opened is None or not _count(opened.table, condition):
                return
            where = "true" if condition is True else str(condition)
            self._tables.commit(opened, lambda table: table.update(where, values_sql={"labels": labels}))
            self._tally(collection_id, opened)

    def count(self, collection_id: CollectionId, chosen: Filter) -> int:
        opened = self.read(collection_id)
        return 0 if opened is None else _count(opened.table, to_sql(chosen))

    def select(self, collection_id: CollectionId, chosen: Filter, *, offset: int, limit: int) -> list[Chunk]:
        opened, condition = self.read(collection_id), to_sql(chosen)
        if opened is None or condition is False or limit < 1:
            return []
        with translated():
            query = opened.table.search().select(CHUNK_COLUMNS)
            query = query.order_by(ascending("document_id", "ordinal", "id")).offset(offset).limit(limit)
            if condition is not True:
                query = query.where(condition)
            return [row.chunk() for row in rows_of(query.to_arrow())]

    def read(self, collection_id: CollectionId) -> OpenTable | None:
        """The table of a collection that exists; None while it is empty. Refused(not_found)."""
        self._collections.require(collection_id)
        return self._tables.find(collection_id)

    def counted(self, collection_id: CollectionId) -> int:
        """How many chunks a collection holds now, kept for whoever asks next."""
        opened = self._tables.find(collection_id)
        return 0 if opened is None else self._tally(collection_id, opened)

    def _merge(
        self, collection_id: CollectionId, chunks: Sequence[EmbeddedChunk], *, remove: Callable[[Merge], Merge]
    ) -> None:
        self._collections.require(collection_id)
        rows = to_table(chunks, self._tables.dimensions)

        def merge(table: Table) -> object:
            upsert = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
            return remove(upsert).execute(rows)

        with self._tables.writing(collection_id):
            self._collections.require(collection_id)
            opened = self._tables.make(collection_id)
            self._tables.commit(opened, merge)
            self._tally(collection_id, opened)

    def _tally(self, collection_id: CollectionId, opened: OpenTable) -> int:
        with translated():
            version = opened.table.version
            chunks = opened.table.count_rows()
            if opened.table.version == version:
                self._collections.keep_tally(collection_id, Tally(version, chunks))
        return chunks


def _count(table: Table, condition: Sql) -> int:
    if condition is False:
        return 0
    with translated():
        return table.count_rows(None if condition is True else condition)


def _of_objects(objects: Iterable[ObjectRef]) -> str:
    """Every chunk of these objects."""
    by_type = dict[str, list[str]]()
    for each in objects:
        by_type.setdefault(each.type, []).append(each.id)
    return " OR ".join(
        f"(object_type = {quoted(type_)} AND {one_of('object_id', ids)})" for type_, ids in by_type.items()
    )
