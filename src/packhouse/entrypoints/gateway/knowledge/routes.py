"""The handlers of the knowledge API."""

import msgspec

from packhouse.domain.knowledge import DISK_BYTES_MAX
from packhouse.domain.knowledge_filter import parse_filter
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.http import Handler, Reply, Request
from packhouse.entrypoints.gateway.knowledge import convert, wire
from packhouse.entrypoints.gateway.knowledge.convert import Query, page
from packhouse.entrypoints.gateway.knowledge.upload import new_file
from packhouse.ports.meter import Access, Meter
from packhouse.services.chunk import Chunks, Selected
from packhouse.services.document import Documents
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases
from packhouse.services.search import Search, SearchRequest

_collection = msgspec.json.Decoder(wire.InCollection)
_chunks = msgspec.json.Decoder(wire.InChunks)
_query = msgspec.json.Decoder(wire.InQuery)
_deletion = msgspec.json.Decoder(wire.InDeletion)
_search = msgspec.json.Decoder(wire.InSearch)


class KnowledgeRoutes:
    """Every route takes `?resource=` where a key opens several knowledge bases."""

    def __init__(
        self, *, meter: Meter, bases: KnowledgeBases, chunks: Chunks, search: Search, documents: Documents
    ) -> None:
        self._meter = meter
        self._bases = bases
        self._chunks = chunks
        self._search = search
        self._documents = documents

    def handlers(self) -> dict[str, Handler]:
        """By the names of `gateway/routes`."""
        return {
            "knowledge": self.describe,
            "collections": self.collections,
            "create_collection": self.create_collection,
            "collection": self.collection,
            "delete_collection": self.delete_collection,
            "insert": self.insert,
            "chunks": self.list_chunks,
            "query_chunks": self.query_chunks,
            "delete_chunks": self.delete_chunks,
            "upload": self.upload,
            "documents": self.list_documents,
            "document": self.document,
            "delete_document": self.delete_document,
            "search": self.search,
        }

    async def _base(self, request: Request, query: Query) -> KnowledgeBase:
        access = await authorise(request, self._meter)
        return await self._bases.chosen(access, query.text("resource"), collection=request.params.get("collection", ""))

    async def describe(self, request: Request) -> Reply:
        access = await authorise(request, self._meter)
        return _reply(wire.OutBases([await self._described(access, pack.id) for pack in self._bases.packs(access)]))

    async def _described(self, access: Access, resource: str) -> wire.OutBase:
        base = await self._bases.chosen(access, resource)
        collections = await base.store.collections()
        return wire.OutBase(
            id=base.pack.id,
            name=base.pack.display_name,
            embeddings_model=base.model,
            dimensions=base.dimensions,
            disk_used_bytes=await base.store.disk_bytes(),
            disk_limit_bytes=DISK_BYTES_MAX,
            chunks=sum(collection.chunks for collection in collections),
        )

    async def collections(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        collections = await base.store.collections()
        return _reply(wire.OutCollections([convert.out_collection(each) for each in collections]))

    async def create_collection(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        made = await self._bases.create(base, decode(_collection, request.body).name)
        return _reply(convert.out_collection(made), status=201)

    async def collection(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        return _reply(convert.out_collection(await self._bases.collection(base, request.params["collection"])))

    async def delete_collection(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        await self._bases.delete(base, request.params["collection"])
        return Reply(status=204, content_type=None)

    async def insert(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        asked = decode(_chunks, request.body)
        inserted = await self._chunks.insert(
            base,
            request.params["collection"],
            chunks=[convert.chunk_of(each) for each in asked.chunks],
            mode=asked.mode,
        )
        return _reply(wire.OutInserted(len(inserted.ids), inserted.ids, wire.usage(inserted.tokens)))

    async def list_chunks(self, request: Request) -> Reply:
        query = Query(request, "resource", "offset", "limit", "filter")
        base = await self._base(request, query)
        offset, limit = page(query.whole("offset", 0), query.whole("limit", 100))
        return _selected(
            await self._chunks.select(
                base, request.params["collection"], chosen=query.filter(), offset=offset, limit=limit
            )
        )

    async def query_chunks(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        asked = decode(_query, request.body)
        offset, limit = page(asked.offset, asked.limit)
        chosen = parse_filter(asked.filter)
        return _selected(
            await self._chunks.select(base, request.params["collection"], chosen=chosen, offset=offset, limit=limit)
        )

    async def delete_chunks(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        chosen = convert.chosen_of(decode(_deletion, request.body))
        return _reply(wire.OutDeleted(await self._chunks.delete(base, request.params["collection"], chosen=chosen)))

    async def upload(self, request: Request) -> Reply:
        query = Query(request, "resource", "name", "metadata")
        base = await self._base(request, query)
        file = new_file(request, query)
        taken = await self._documents.upload(base, request.params["collection"], file=file)
        return _reply(convert.out_ingestion(taken), status=200 if taken.duplicate else 202)

    async def list_documents(self, request: Request) -> Reply:
        query = Query(request, "resource", "offset", "limit")
        base = await self._base(request, query)
        offset, limit = page(query.whole("offset", 0), query.whole("limit", 100))
        documents = await self._documents.list(base, request.params["collection"], offset=offset, limit=limit)
        return _reply(wire.OutDocuments([convert.out_document(each) for each in documents]))

    async def document(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        return _reply(convert.out_ingestion(await self._documents.get(base, request.params["document"])))

    async def delete_document(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        await self._documents.delete(base, request.params["document"])
        return Reply(status=204, content_type=None)

    async def search(self, request: Request) -> Reply:
        base = await self._base(request, Query(request, "resource"))
        asked = decode(_search, request.body)
        searched = await self._search.search(
            base,
            SearchRequest(
                text=asked.text,
                collections=tuple(asked.collections),
                chosen=parse_filter(asked.filter),
                max_results=asked.max_results,
                minimum_similarity=asked.minimum_similarity,
                mode=asked.mode,
            ),
        )
        return _reply(
            wire.OutSearched([convert.out_found(each) for each in searched.found], wire.usage(searched.tokens))
        )


def _selected(selected: Selected) -> Reply:
    return _reply(wire.OutChunks([convert.out_chunk(each) for each in selected.chunks], selected.total))


def _reply(answer: msgspec.Struct, *, status: int = 200) -> Reply:
    return Reply(status=status, body=msgspec.json.encode(answer))
