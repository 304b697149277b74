"""Knowledge bases: which one a call means, its storage, its collections."""

from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedRequest, InputType
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import DEFAULT_COLLECTION, DISK_BYTES_MAX, Collection
from packhouse.domain.units import CollectionId, KeyId, ResourceId
from packhouse.ports.meter import Access, Meter, Pack, usable
from packhouse.ports.outside import Clock, Ids
from packhouse.ports.vectors import KnowledgeStore, VectorEngine
from packhouse.services.models import Models

NAME_CHARACTERS_MAX = 120


class KnowledgeBase(Content, frozen=True):
    """A knowledge base that a call may use: its pack, its embeddings pack, who asks, its storage.

    `model` and `dimensions` are pinned: vectors of another model would not fit. Without an embeddings model that
    is still served its content is listed, searched by words and deleted as ever.
    """

    pack: Pack
    embeddings: Pack
    key_id: KeyId | None
    model: str
    dimensions: int
    store: KnowledgeStore


class KnowledgeBases:
    """Finds and opens knowledge bases."""

    def __init__(self, engine: VectorEngine, models: Models, *, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._models = models
        self._clock = clock
        self._ids = ids

    def packs(self, access: Access) -> tuple[Pack, ...]:
        """The knowledge bases that a key opens, usable or not. Refused(key_wrong_type) where there is none."""
        found = tuple(pack for pack in access.packs if pack.type == "knowledge_base")
        if not found:
            access.pack("knowledge_base")  # says which types the key opens
        return found

    async def chosen(self, access: Access, resource: str, *, collection: str = "") -> KnowledgeBase:
        """The one that is named, or the only one, or the one that has the collection (by its id).

        Refused: key_wrong_type, not_found, invalid_request where several are open and none is named.
        """
        packs = self.packs(access)
        if resource:
            packs = tuple(pack for pack in packs if pack.id == resource)
            if not packs:
                raise Refused("not_found", f"This key opens no knowledge base {resource}.", resource=resource)
        if len(packs) == 1:
            return await self.open(packs[0], access.embeddings_for(packs[0]), key_id=access.key_id)
        if collection.startswith("col_"):
            for pack in packs:
                base = await self.open(pack, access.embeddings_for(pack), key_id=access.key_id)
                if any(each.id == collection for each in await base.store.collections()):
                    return base
        names = ", ".join(pack.id for pack in packs)
        raise Refused(
            "invalid_request",
            f"This key opens several knowledge bases: name one with `resource`: {names}.",
            field="resource",
        )

    async def open(self, pack: Pack, embeddings: Pack, *, key_id: KeyId | None) -> KnowledgeBase:
        """The knowledge base over its storage, which is made on first use, with the default collection."""
        model, dimensions = self._pinned(usable(pack), embeddings)
        store = await self._engine.open(pack.id, dimensions)
        base = KnowledgeBase(pack, embeddings, key_id, model, dimensions, store)
        if not await store.collections():
            await self._make_default(base)
        return base

    async def unasked(self, resource_id: ResourceId, meter: Meter) -> KnowledgeBase:
        """For work that no key asked for. Refused: not_found, resource_inactive, resource_suspended."""
        pack = await meter.pack(resource_id)
        if pack.embeddings_id is None:
            raise Refused("resource_inactive", "The knowledge base has no embeddings pack linked to it.")
        return await self.open(pack, await meter.pack(pack.embeddings_id), key_id=None)

    def _pinned(self, pack: Pack, embeddings: Pack) -> tuple[str, int]:
        """Those of before models were pinned embed with their embeddings pack's own, which cannot be changed then."""
        if pack.embeddings_model:
            return pack.embeddings_model, pack.embeddings_dimensions
        model = self._models.resolve(embeddings, "")
        return model.id, model.dimensions[0]

    def embedding(self, base: KnowledgeBase, texts: tuple[str, ...], *, input_type: InputType) -> EmbedRequest:
        """The call that embeds for the knowledge base. Refused(model_ended) where its model is no longer served."""
        try:
            self._models.resolve(base.embeddings, base.model)
        except Refused as refused:
            if refused.code not in {"model_unknown", "model_ended"}:
                raise
            raise Refused(
                "model_ended",
                f"This knowledge base embeds with {base.model}, which is no longer served, and its vectors fit no "
                "other model. What it holds can be listed, searched by keyword and deleted; put it into a new "
                "knowledge base to search by meaning.",
                model=base.model,
            ) from refused
        return EmbedRequest(model=base.model, inputs=texts, input_type=input_type, dimensions=base.dimensions)

    async def _make_default(self, base: KnowledgeBase) -> None:
        try:
            await self.create(base, DEFAULT_COLLECTION)
        except Refused as refused:
            if refused.code != "conflict":  # another process was quicker
                raise

    async def create(self, base: KnowledgeBase, name: str) -> Collection:
        """A new collection. Refused: invalid_request, conflict."""
        name = name.strip()
        if not name or len(name) > NAME_CHARACTERS_MAX or not name.isprintable() or "/" in name:
            raise Refused(
                "invalid_request",
                f"A collection's name has 1 to {NAME_CHARACTERS_MAX} printable characters and no slash.",
                field="name",
            )
        if name.startswith("col_"):
            raise Refused("invalid_request", "A collection's name cannot begin like an id (`col_`).", field="name")
        collection = Collection(CollectionId(self._ids.new("col")), name, self._clock.now())
        await base.store.create_collection(collection)
        return collection

    async def collection(self, base: KnowledgeBase, reference: str) -> Collection:
        """By its id or name. Refused(not_found) names the ones there are."""
        collections = await base.store.collections()
        for collection in collections:
            if reference in {collection.id, collection.name}:
                return collection
        names = ", ".join(collection.name for collection in collections[:20])
        raise Refused("not_found", f"There is no collection {reference!r} here. There are: {names}.")

    async def delete(self, base: KnowledgeBase, reference: str) -> None:
        """With all that is in it."""
        collection = await self.collection(base, reference)
        await base.store.delete_collection(collection.id)

    async def erase(self, resource_id: ResourceId) -> None:
        """Everything of it, for good."""
        await self._engine.erase(resource_id)


async def refuse_if_full(base: KnowledgeBase, bytes_added: int) -> None:
    """Refused(disk_full) where so much more would not fit: whole, before anything is written."""
    used = await base.store.disk_bytes()
    if used + bytes_added > DISK_BYTES_MAX:
        raise Refused(
            "disk_full",
            f"The knowledge base holds {used:,} of {DISK_BYTES_MAX:,} bytes; {bytes_added:,} more do not fit. "
            "Delete what is not needed, or split the content over two knowledge bases.",
            used_bytes=used,
            limit_bytes=DISK_BYTES_MAX,
            needed_bytes=bytes_added,
        )
