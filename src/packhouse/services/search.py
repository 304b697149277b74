"""Searching a knowledge base: by meaning, by words, or both."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import EVERYTHING, FieldIs, Filter, Found
from packhouse.domain.units import CollectionId, ModelTokens
from packhouse.ports.meter import Meter
from packhouse.services.embeddings import Embeddings
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases

SearchMode = Literal["vector", "keyword", "hybrid"]

RESULTS_MAX = 100
QUERY_CHARACTERS_MAX = 20_000
RANK_OFFSET = 60
"""The usual constant of reciprocal rank fusion: how slowly a rank's worth falls."""
FUSED_POOL = 4
"""Hybrid search fuses so many times the wanted results from each side."""
ANY_SIMILARITY = -1.0


class SearchRequest(Content, frozen=True, kw_only=True):
    """`collections` are ids or names, none: all. `minimum_similarity` is a cosine: nothing below it is found.

    A keyword search embeds nothing and therefore takes no minimum.
    """

    text: str
    collections: tuple[str, ...] = ()
    chosen: Filter = EVERYTHING
    max_results: int = 5
    minimum_similarity: float = ANY_SIMILARITY
    mode: SearchMode = "vector"


class Searched(Content, frozen=True):
    """Best first, and what embedding the query consumed."""

    found: list[Found]
    tokens: ModelTokens


class Search:
    """Finds chunks."""

    def __init__(self, bases: KnowledgeBases, embeddings: Embeddings, *, meter: Meter) -> None:
        self._bases = bases
        self._embeddings = embeddings
        self._meter = meter

    async def search(self, base: KnowledgeBase, request: SearchRequest) -> Searched:
        """Refused: invalid_request, not_found, and for vectors quota_exhausted; keyword search goes on then."""
        _check(request)
        places = [(await self._bases.collection(base, each)).id for each in request.collections]
        if not places:
            places = [collection.id for collection in await base.store.collections()]
        self._meter.count(base.pack, searches=1)
        if request.mode == "keyword":
            return Searched(await self._keyword(base, places, request=request, pool=request.max_results), ModelTokens())
        pool = request.max_results if request.mode == "vector" else request.max_results * FUSED_POOL
        query = self._bases.embedding(base, (request.text,), input_type="search_query")
        embedded = await self._embeddings.embed(base.embeddings, base.key_id, request=query)
        near = _Near(base, places, embedded.vectors[0], request.minimum_similarity)
        found = await near.best(request.chosen, pool)
        if request.mode == "hybrid":
            worded = await self._keyword(base, places, request=request, pool=pool)
            found = fused(found, await near.enough(worded))[: request.max_results]
        return Searched(found, embedded.tokens)

    async def _keyword(
        self, base: KnowledgeBase, places: Sequence[CollectionId], *, request: SearchRequest, pool: int
    ) -> list[Found]:
        return await base.store.keyword(places, request.text, chosen=request.chosen, max_results=pool)


class _Near(msgspec.Struct, frozen=True):
    """What lies near a vector, in some collections, and not below a minimum."""

    base: KnowledgeBase
    places: Sequence[CollectionId]
    vector: bytes
    minimum: float

    async def best(self, chosen: Filter, most: int) -> list[Found]:
        return await self.base.store.nearest(
            self.places, self.vector, chosen=chosen, max_results=most, minimum_similarity=self.minimum
        )

    async def enough(self, worded: Sequence[Found]) -> list[Found]:
        """Those of a keyword search that are not below the minimum either, in their order, with their similarity.

        Where any similarity will do, they stay as they are: it costs another look.
        """
        if self.minimum <= ANY_SIMILARITY or not worded:
            return list(worded)
        ids = FieldIs("id", tuple({each.chunk.id for each in worded}))
        near = await self.best(ids, len(worded) * len(self.places))
        similar = {(each.collection_id, each.chunk.id): each.similarity for each in near}
        return [
            msgspec.structs.replace(each, similarity=similar[place])
            for each in worded
            if (place := (each.collection_id, each.chunk.id)) in similar
        ]


def fused(near: Sequence[Found], worded: Sequence[Found]) -> list[Found]:
    """Reciprocal rank fusion: what both sides find early comes first. A chunk keeps its similarity."""
    scores = dict[tuple[CollectionId, str], float]()
    chunks = dict[tuple[CollectionId, str], Found]()
    for side in (near, worded):
        for rank, found in enumerate(side, 1):
            place = (found.collection_id, found.chunk.id)
            scores[place] = scores.get(place, 0.0) + 1 / (RANK_OFFSET + rank)
            chunks.setdefault(place, found)
    ordered = sorted(scores, key=lambda place: -scores[place])
    return [msgspec.structs.replace(chunks[place], score=scores[place]) for place in ordered]


def _check(request: SearchRequest) -> None:
    if not request.text.strip():
        raise Refused("invalid_request", "`text` is empty: say what to search for.", field="text")
    if len(request.text) > QUERY_CHARACTERS_MAX:
        raise Refused("invalid_request", f"`text` has more than {QUERY_CHARACTERS_MAX:,} characters.", field="text")
    if not 1 <= request.max_results <= RESULTS_MAX:
        raise Refused("invalid_request", f"`max_results` must lie from 1 to {RESULTS_MAX}.", field="max_results")
    if not -1 <= request.minimum_similarity <= 1:
        raise Refused("invalid_request", "`minimum_similarity` is a cosine, from -1 to 1.", field="minimum_similarity")
    if request.mode == "keyword" and request.minimum_similarity > ANY_SIMILARITY:
        raise Refused(
            "invalid_request",
            "A keyword search knows no similarity: leave `minimum_similarity` out, or search by `hybrid` or `vector`.",
            field="minimum_similarity",
        )
