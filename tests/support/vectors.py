"""What tests of vector engines share: the engines there are, chunks drawn at random, brute force as the yardstick."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.adapters.vectors.embedded.routing import Tuning
from packhouse.adapters.vectors.embedded.store import EmbeddedKnowledgeStore
from packhouse.domain.knowledge import Chunk, Collection, EmbeddedChunk, Filter
from packhouse.domain.knowledge_filter import matches
from packhouse.domain.units import CollectionId, ResourceId
from packhouse.ports.vectors import KnowledgeStore, VectorEngine

BASE = ResourceId("res_1")
COLLECTION = CollectionId("col_1")
OTHER = CollectionId("col_2")
DIMENSIONS = 16
CREATED_AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

Vectors = NDArray[np.float32]


class Kind(Protocol):
    """One adapter under the contract. Two engines on one `root` are what two processes would be."""

    name: str

    def engine(self, root: Path) -> VectorEngine:
        """With thresholds so small that indices are built and used in tests."""
        ...

    async def settle(self, store: KnowledgeStore, collection_id: CollectionId) -> None:
        """What the engine would do in the background some time, done now."""
        ...


TUNING = Tuning(exact_chunks_max=100, index_from_chunks=1_000, field_indices_from_chunks=1, partition_chunks=50)


class Embedded:
    name = "embedded"

    def engine(self, root: Path) -> VectorEngine:
        return EmbeddedVectorEngine(root, tuning=TUNING)

    async def settle(self, store: KnowledgeStore, collection_id: CollectionId) -> None:
        await cast("EmbeddedKnowledgeStore", store).upkeep.tidy(collection_id)


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Embedded(),)}


@dataclass(frozen=True, slots=True)
class Subject:
    """A knowledge base with one collection, and how it came to be."""

    kind: Kind
    root: Path
    engine: VectorEngine
    store: KnowledgeStore

    async def settle(self, collection_id: CollectionId = COLLECTION) -> None:
        await self.kind.settle(self.store, collection_id)


def collection(id_: CollectionId = COLLECTION, name: str = "default") -> Collection:
    return Collection(id_, name, CREATED_AT)


def embedded(chunk: Chunk, vector: Sequence[float] | Vectors | None = None) -> EmbeddedChunk:
    """A chunk with a vector, by default one that follows from its id."""
    if vector is None:
        vector = random_vectors(1, seed=sum(chunk.id.encode()) + 1)[0]
    return EmbeddedChunk(chunk, np.asarray(vector, "<f4").tobytes())


def random_vectors(count: int, *, dimensions: int = DIMENSIONS, seed: int = 0, centres: int = 0) -> Vectors:
    """Of length 1; around so many centres, as texts are, or anywhere."""
    dice = np.random.default_rng(seed)
    vectors = dice.standard_normal((count, dimensions))
    if centres:
        vectors = 0.7 * vectors + dice.standard_normal((centres, dimensions))[dice.integers(0, centres, count)]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def passing(chunks: Iterable[Chunk], chosen: Filter) -> list[Chunk]:
    """What passes, in the order that `select` promises."""

    def order(chunk: Chunk) -> tuple[bool, str, int, str]:
        return chunk.document_id is not None, chunk.document_id or "", chunk.ordinal, chunk.id

    return sorted((chunk for chunk in chunks if matches(chosen, chunk)), key=order)


def similarities(chunks: Sequence[EmbeddedChunk], vector: bytes) -> NDArray[np.float64]:
    """The cosine of every chunk's vector to another, computed one by one."""
    rows = np.frombuffer(b"".join(each.vector for each in chunks), "<f4").reshape(len(chunks), -1).astype(np.float64)
    direction = np.frombuffer(vector, "<f4").astype(np.float64)
    return rows @ direction / np.linalg.norm(rows, axis=1) / np.linalg.norm(direction)
