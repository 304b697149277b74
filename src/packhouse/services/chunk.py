"""Chunks of a knowledge base: inserted with their vectors, listed, deleted."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import EVERYTHING, Chunk, EmbeddedChunk, Filter
from packhouse.domain.units import ModelTokens
from packhouse.ports.meter import Meter
from packhouse.ports.outside import Ids
from packhouse.services.embeddings import Embeddings
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases, refuse_if_full
from packhouse.services.naming import check_chunk_names

Mode = Literal["insert", "replace_objects", "repopulate"]

CHUNKS_MAX = 1_000
"""In one call: more would keep the caller waiting for too long."""
CHUNK_CHARACTERS_MAX = 20_000
EMBEDDED_AT_ONCE = 96
BYTES_BESIDE_TEXT = 512
"""What the engine spends on a chunk beyond its text, metadata and vector."""


class Inserted(msgspec.Struct, frozen=True):
    """The chunks' ids, in the order of the call, and what embedding them consumed."""

    ids: tuple[str, ...]
    tokens: ModelTokens


class Selected(Content, frozen=True):
    """A page of chunks, and how many pass the filter in all."""

    chunks: list[Chunk]
    total: int


class Chunks:
    """What can be done with chunks."""

    def __init__(self, bases: KnowledgeBases, embeddings: Embeddings, *, meter: Meter, ids: Ids) -> None:
        self._bases = bases
        self._embeddings = embeddings
        self._meter = meter
        self._ids = ids

    async def insert(
        self, base: KnowledgeBase, collection: str, *, chunks: Sequence[Chunk], mode: Mode = "insert"
    ) -> Inserted:
        """Embeds and stores them, searchable when this returns; whole or not at all.

        A chunk without an id gets one; one whose id exists in the collection replaces it.
        Refused: invalid_request, disk_full, quota_exhausted, provider_*.
        """
        place = await self._bases.collection(base, collection)
        named = [self._named(chunk, number) for number, chunk in enumerate(chunks)]
        _check(named, mode)
        await refuse_if_full(base, bytes_of(named, base.dimensions))
        embedded, tokens = await self.embed(base, named)
        if mode == "repopulate":
            await base.store.repopulate(place.id, embedded)
        elif mode == "replace_objects":
            await base.store.replace_objects(place.id, embedded)
        else:
            await base.store.put(place.id, embedded)
        self.count(base, named)
        return Inserted(tuple(chunk.id for chunk in named), tokens)

    async def embed(self, base: KnowledgeBase, chunks: Sequence[Chunk]) -> tuple[list[EmbeddedChunk], ModelTokens]:
        """With the pinned model, on the linked embeddings pack, in batches."""
        tokens = ModelTokens()
        embedded = list[EmbeddedChunk]()
        for start in range(0, len(chunks), EMBEDDED_AT_ONCE):
            some = chunks[start : start + EMBEDDED_AT_ONCE]
            texts = tuple(chunk.text for chunk in some)
            request = self._bases.embedding(base, texts, input_type="search_document")
            answer = await self._embeddings.embed(base.embeddings, base.key_id, request=request)
            tokens += answer.tokens
            embedded += map(EmbeddedChunk, some, answer.vectors)
        return embedded, tokens

    def count(self, base: KnowledgeBase, chunks: Sequence[Chunk]) -> None:
        """For the consumption of the knowledge base: how much was inserted, not what."""
        size = sum(len(chunk.text.encode()) for chunk in chunks)
        self._meter.count(base.pack, inserts=1, chunks=len(chunks), bytes_=size)

    async def select(
        self, base: KnowledgeBase, collection: str, *, chosen: Filter, offset: int, limit: int
    ) -> Selected:
        place = await self._bases.collection(base, collection)
        chunks = await base.store.select(place.id, chosen, offset=offset, limit=limit)
        return Selected(chunks, await base.store.count(place.id, chosen))

    async def delete(self, base: KnowledgeBase, collection: str, *, chosen: Filter) -> int:
        """How many went. Refused(invalid_request) where nothing is chosen: all is deleted with the collection."""
        if chosen == EVERYTHING:
            raise Refused(
                "invalid_request",
                "Say which chunks to delete: `ids`, `object`, `objects`, `document_id` or `filter`. To empty a "
                "collection, delete it or repopulate it.",
            )
        place = await self._bases.collection(base, collection)
        return await base.store.delete(place.id, chosen)

    def _named(self, chunk: Chunk, number: int) -> Chunk:
        field = f"chunks[{number}].text"
        if not chunk.text.strip():
            raise Refused("invalid_request", f"`{field}` is empty.", field=field)
        if len(chunk.text) > CHUNK_CHARACTERS_MAX:
            raise Refused(
                "invalid_request",
                f"`{field}` has {len(chunk.text):,} characters; a chunk has at most {CHUNK_CHARACTERS_MAX:,}. "
                "Split it, or upload it as a document.",
                field=field,
            )
        check_chunk_names(chunk, f"chunks[{number}]")
        return chunk if chunk.id else msgspec.structs.replace(chunk, id=self._ids.new("chk"))


def _check(chunks: Sequence[Chunk], mode: Mode) -> None:
    if len(chunks) > CHUNKS_MAX:
        raise Refused(
            "invalid_request", f"At most {CHUNKS_MAX:,} chunks go into one call, not {len(chunks):,}.", field="chunks"
        )
    if not chunks and mode != "repopulate":
        raise Refused("invalid_request", "`chunks` is empty: there is nothing to insert.", field="chunks")
    if twice := [id_ for id_, times in Counter(chunk.id for chunk in chunks).items() if times > 1]:
        raise Refused(
            "invalid_request",
            f"The id {twice[0]!r} is given to more than one chunk of this call; an id is one chunk's.",
            field="chunks",
        )
    if mode == "replace_objects" and any(chunk.object is None for chunk in chunks):
        raise Refused("invalid_request", "With mode `replace_objects` every chunk needs its `object`.", field="chunks")


def bytes_of(chunks: Sequence[Chunk], dimensions: int) -> int:
    """About what they will take on disk."""
    return sum(
        len(chunk.text.encode())
        + sum(len(key.encode()) + len(value.encode()) for key, value in chunk.metadata)
        + dimensions * 4
        + BYTES_BESIDE_TEXT
        for chunk in chunks
    )
