"""Upkeep of a chunk table: small files joined, old versions dropped, indices built and extended.

Without it each commit leaves a file, and a query after hundreds of them takes ten times as long.
Blocking, for seconds up to minutes: for a thread of its own.
"""

from datetime import timedelta

from packhouse.adapters.vectors.embedded.catalog import CollectionList, Tidied
from packhouse.adapters.vectors.embedded.chunks import ChunkTables
from packhouse.adapters.vectors.embedded.columns import VECTOR
from packhouse.adapters.vectors.embedded.lance import Table
from packhouse.adapters.vectors.embedded.routing import Tuning
from packhouse.adapters.vectors.embedded.tables import OpenTable, Tables
from packhouse.domain.units import CollectionId

KEPT_FOR = timedelta(minutes=2)
"""How long an old version stays: longer than any search that may still read it."""

BITS_PER_DIMENSION = 4
"""Of compressed vectors: with one bit the best hundred of a half were found to 88 %, with four to 99.9 %."""

COMPRESSED_FROM_DIMENSIONS = 128
"""Shorter vectors are indexed as they are: they take little space."""

TRAINED_AGAIN_AT_GROWTH = 4
"""The vector index learns its partitions anew when the collection is so many times as large."""


class Tidier:
    """For one knowledge base."""

    def __init__(self, tables: Tables, chunks: ChunkTables, *, collections: CollectionList, tuning: Tuning) -> None:
        self._tables = tables
        self._chunks = chunks
        self._collections = collections
        self._tuning = tuning

    def commits_since(self, collection_id: CollectionId) -> int:
        """Commits since the table was tidied last; costs a listing."""
        return self._tables.version(collection_id) - self._collections.tidied(collection_id).version

    def versions(self, collection_id: CollectionId) -> int:
        return self._tables.versions(collection_id)

    def tidy(self, collection_id: CollectionId) -> bool:
        """False where another process is at it. A conflict with writers that goes on is left for the next time."""
        opened = self._tables.find(collection_id)
        if opened is None or not self._collections.exists(collection_id):
            return True
        with self._tables.tidying(collection_id) as mine:
            if mine:
                trained = self._index(opened, self._collections.tidied(collection_id).trained_chunks)
                self._tables.commit(opened, _optimise)
                self._collections.keep_tidied(collection_id, Tidied(opened.table.version, trained))
                self._chunks.counted(collection_id)
        self._tables.drop_strays(self._collections.exists)
        return mine

    def _index(self, opened: OpenTable, trained: int) -> int:
        """Builds the indices that the table has grown into; the size that the vector index was trained at."""
        chunks = opened.table.count_rows()
        there = {index.name for index in opened.table.list_indices()}
        if chunks >= self._tuning.field_indices_from_chunks:
            for column in {"id", "object_id", "document_id", "labels"} - {name.partition("__")[0] for name in there}:
                self._tables.commit(opened, lambda table, column=column: _index_field(table, column))
        if chunks < self._tuning.index_from_chunks or 0 < chunks < trained * TRAINED_AGAIN_AT_GROWTH:
            return trained
        partitions = max(1, chunks // self._tuning.partition_chunks)
        self._tables.commit(opened, lambda table: _index_vectors(table, self._tables.dimensions, partitions=partitions))
        return chunks


def _optimise(table: Table) -> None:
    table.optimize(cleanup_older_than=KEPT_FOR, delete_unverified=False)


def _index_field(table: Table, column: str) -> None:
    from lancedb.index import BTree, LabelList

    table.create_index(column, config=LabelList() if column == "labels" else BTree(), name=f"{column}__values")


def _index_vectors(table: Table, dimensions: int, *, partitions: int) -> None:
    from lancedb.index import IvfFlat, IvfRq

    if dimensions >= COMPRESSED_FROM_DIMENSIONS and dimensions % 8 == 0:
        config = IvfRq(distance_type="cosine", num_partitions=partitions, num_bits=BITS_PER_DIMENSION)
    else:
        config = IvfFlat(distance_type="cosine", num_partitions=partitions)
    table.create_index(VECTOR, config=config, name="vector__near")
