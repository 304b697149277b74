"""A scripted embeddings model that keeps what it was asked."""

from packhouse.adapters.models.scripted import Scripted
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.ports.models import Sent


class Asked(Scripted):
    """`requests`, oldest first."""

    def __init__(self, *, dimensions: int) -> None:
        super().__init__(dimensions=dimensions)
        self.requests: list[EmbedRequest] = []

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        self.requests.append(request)
        return await super().embed(request, sent)
