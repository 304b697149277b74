"""`POST /v2/embed` and `POST /v1/embed`: texts, images, and both together."""

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.cohere.read import read_embed, request_of
from packhouse.entrypoints.gateway.cohere.wire import EmbedBody
from packhouse.entrypoints.gateway.cohere.write import Answer, Version, floats_body, typed_body
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.ports.meter import Meter
from packhouse.ports.outside import Ids
from packhouse.services.embeddings import Embedded, Embeddings


class EmbedRoute:
    """Embeddings in Cohere's dialect, in its two versions."""

    def __init__(self, *, meter: Meter, embeddings: Embeddings, ids: Ids) -> None:
        self._meter = meter
        self._embeddings = embeddings
        self._ids = ids

    async def v2(self, request: Request) -> Reply:
        body, embedded = await self._embed(request, typed=True)
        answer = self._answer(body, "2")
        return Reply(body=typed_body(answer, embedded, types=body.embedding_types or ("float",)))

    async def v1(self, request: Request) -> Reply:
        body, embedded = await self._embed(request, typed=False)
        answer = self._answer(body, "1")
        if body.embedding_types:
            return Reply(body=typed_body(answer, embedded, types=body.embedding_types))
        return Reply(body=floats_body(answer, embedded))

    async def _embed(self, request: Request, *, typed: bool) -> tuple[EmbedBody, Embedded]:
        """`typed`: the newer version, which must know what the vectors are for."""
        access = await authorise(request, self._meter)
        body = read_embed(request.body)
        if typed and body.input_type is None:
            raise Refused(
                "invalid_request",
                "`input_type` is missing. Say what the vectors are for: `search_document`, `search_query`, "
                "`classification`, `clustering` or `image`.",
                field="input_type",
            )
        pack = access.pack("embeddings")
        return body, await self._embeddings.embed(pack, access.key_id, request=request_of(body))

    def _answer(self, body: EmbedBody, version: Version) -> Answer:
        return Answer(self._ids.new("emb"), version, body.texts or ())
