"""Embeddings on a pack's quota."""

from collections.abc import Sequence

from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import KeyId, ModelTokens
from packhouse.ports.meter import Call, Pack
from packhouse.services.gate import Gate
from packhouse.services.models import Models

TOKENS_PER_TEXT = 8
"""What a model's template may add to each text, in input tokens."""


class Embedded(Content, frozen=True):
    """`vectors`: float32 little-endian bytes, one a text, in order. `tokens` is what was booked."""

    vectors: tuple[bytes, ...]
    dimensions: int
    tokens: ModelTokens
    model: str


class Embeddings:
    """Embeds texts through the embeddings model of a pack."""

    def __init__(self, gate: Gate, models: Models) -> None:
        self._gate = gate
        self._models = models

    async def embed(self, pack: Pack, key_id: KeyId | None, *, request: EmbedRequest) -> Embedded:
        """`request.model` is a model id of the pack's family, `default` or empty.

        Refused: quota_exhausted, model_unknown, provider_*.
        """
        if not request.texts:
            raise Refused("invalid_request", "There is nothing to embed: give at least one text.")
        model = self._models.resolve(pack, request.model)
        adapter = self._models.embeddings(pack, model)
        bound = input_bound(request.texts)
        call = Call(pack=pack, key_id=key_id, model=model.id, operation="embeddings", input_tokens=bound)
        asked = EmbedRequest(
            model=self._models.provider_model(pack, model),
            inputs=request.texts,
            input_type=request.input_type,
            dimensions=request.dimensions,
        )
        async with await self._gate.enter(call) as spending:
            answer = await adapter.embed(asked, spending.sent)
            booked = spending.settle(answer.tokens, estimate=ModelTokens(input=bound))
        return Embedded(answer.vectors, answer.dimensions, booked, model.id)


def input_bound(texts: Sequence[str]) -> int:
    """A stated upper bound on input tokens: one a UTF-8 byte, and the template of each text."""
    return sum(len(text.encode()) for text in texts) + TOKENS_PER_TEXT * len(texts)
