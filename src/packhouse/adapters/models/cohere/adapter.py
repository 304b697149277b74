"""The adapter: embeddings at Cohere or a server that speaks alike."""

from packhouse.adapters.models.batches import embed_in_batches
from packhouse.adapters.models.cohere.answer import read_vectors
from packhouse.adapters.models.cohere.refusals import refusal
from packhouse.adapters.models.cohere.request import embed_body, inputs_max
from packhouse.adapters.models.http.client import UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.ports.models import Sent


class Cohere:
    """`EmbeddingsModel`.

    `base_url` is what Cohere's own clients call so: it ends before the version, which is tolerated.
    """

    def __init__(
        self, base_url: str, *, client: UpstreamClient, api_key: str, timeouts: Timeouts | None = None
    ) -> None:
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "authorization": f"Bearer {api_key}",
        }
        url = base_url.rstrip("/").removesuffix("/v1").removesuffix("/v2") + "/v2/embed"
        self._embeddings = client.endpoint("POST", url, headers=headers, timeouts=timeouts)

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        return await embed_in_batches(request, sent, inputs_max=inputs_max(request), embed=self._embed)

    async def _embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        answer = await self._embeddings.call(embed_body(request), sent)
        if answer.status != 200:
            raise refusal(answer.status, answer.body, retry_after=answer.header("retry-after"))
        return read_vectors(answer.body, request)
