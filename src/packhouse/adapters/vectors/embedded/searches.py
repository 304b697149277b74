"""Nearest neighbours and words, in one collection. Blocking: for threads."""

from packhouse.adapters.vectors.embedded.chunks import ChunkTables
from packhouse.adapters.vectors.embedded.columns import (
    CHUNK_COLUMNS,
    DISTANCE,
    SCORE,
    VECTOR,
    Row,
    rows_of,
    unit_vectors,
)
from packhouse.adapters.vectors.embedded.filters import to_sql
from packhouse.adapters.vectors.embedded.lance import Query, Table, matching, translated
from packhouse.adapters.vectors.embedded.routing import EXACT, Route, Tuning, route
from packhouse.domain.knowledge import Filter, Found
from packhouse.domain.units import CollectionId


class Searches:
    """The best of what passes the filter, best first; among equals by id."""

    def __init__(self, chunks: ChunkTables, dimensions: int, *, tuning: Tuning) -> None:
        self._chunks = chunks
        self._dimensions = dimensions
        self._tuning = tuning

    def nearest(
        self, collection_id: CollectionId, vector: bytes, *, chosen: Filter, max_results: int, minimum_similarity: float
    ) -> list[Found]:
        (direction,) = unit_vectors([vector], self._dimensions)
        opened, condition = self._chunks.read(collection_id), to_sql(chosen)
        if opened is None or condition is False or max_results < 1:
            return []
        where = None if condition is True else condition
        with translated():
            way = self._route(opened.table, where, max_results=max_results)
            query = opened.table.search(direction, query_type="vector", vector_column_name=VECTOR)
            query = _along(query.distance_type("cosine"), way).limit(max_results).select([*CHUNK_COLUMNS, DISTANCE])
            rows = rows_of((query if where is None else query.where(where)).to_arrow())
        found = [_near(collection_id, row) for row in rows]
        return sorted((each for each in found if each.score >= minimum_similarity), key=by_rank)

    def keyword(self, collection_id: CollectionId, text: str, *, chosen: Filter, max_results: int) -> list[Found]:
        opened, condition = self._chunks.read(collection_id), to_sql(chosen)
        if opened is None or condition is False or max_results < 1:
            return []
        with translated():
            query = opened.table.search(matching(text, "text"), query_type="fts").limit(max_results)
            if condition is not True:
                query = query.where(condition)
            rows = rows_of(query.select([*CHUNK_COLUMNS, SCORE]).to_arrow())
        found = [Found(collection_id, row.chunk(), None, row.score or 0.0) for row in rows]
        return sorted(found, key=by_rank)

    def _route(self, table: Table, where: str | None, *, max_results: int) -> Route:
        total = table.count_rows()
        if total <= self._tuning.exact_chunks_max:
            return EXACT
        passing = total if where is None else table.count_rows(where)
        return route(total, passing, max_results=max_results, tuning=self._tuning)


def by_rank(found: Found) -> tuple[float, str]:
    return -found.score, found.chunk.id


def _along(query: Query, way: Route) -> Query:
    if way.probes is None:
        return query.bypass_vector_index()
    return query.minimum_nprobes(way.probes).maximum_nprobes(0).refine_factor(way.refine)


def _near(collection_id: CollectionId, row: Row) -> Found:
    distance = 0.0 if row.distance is None else row.distance
    similarity = max(-1.0, min(1.0, 1.0 - distance))
    return Found(collection_id, row.chunk(), similarity, similarity)
