"""Embeddings on a pack's quota."""

import msgspec

from packhouse.domain.catalog import QUANTISING, TAKING_TOKENS, Model, Provider
from packhouse.domain.chat_part import Image
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedInput, EmbedRequest, TypedVectors, VectorType
from packhouse.domain.embedding_estimate import input_bound
from packhouse.domain.errors import Refused
from packhouse.domain.units import KeyId, ModelTokens
from packhouse.ports.meter import Call, Pack
from packhouse.ports.models import TokenReader
from packhouse.services.gate import Gate
from packhouse.services.models import Models

FLOATS: frozenset[VectorType] = frozenset({"float", "base64"})
"""The types that are written from the same floats."""


class Embedded(Content, frozen=True):
    """`vectors`, `typed` and `image_tokens` as in `EmbedAnswer`. `tokens` is what was booked, `model` its id."""

    vectors: tuple[bytes, ...]
    dimensions: int
    tokens: ModelTokens
    model: str
    typed: tuple[TypedVectors, ...] = ()
    image_tokens: int = 0


class Embeddings:
    """Embeds texts, images, or both together, through the embeddings model of a pack.

    `reader` turns a tokenizer's numbers into texts for models that take texts alone.
    """

    def __init__(self, gate: Gate, models: Models, *, reader: TokenReader | None = None) -> None:
        self._gate = gate
        self._models = models
        self._reader = reader

    async def embed(self, pack: Pack, key_id: KeyId | None, *, request: EmbedRequest) -> Embedded:
        """`request.model` is a model id of the pack's family, `default` or empty.

        Refused before anything is held: invalid_request, unsupported, model_unknown; then quota_exhausted, provider_*.
        """
        model = self._models.resolve(pack, request.model)
        provider = self._models.provider(pack, model)
        check(request, model, provider=provider)
        adapter = self._models.embeddings(pack, model)
        asked = msgspec.structs.replace(
            await self._readable(request, provider),
            model=self._models.provider_model(pack, model),
            dimensions=None if request.dimensions in model.dimensions[:1] else request.dimensions,
        )
        bound = input_bound(asked.inputs)
        call = Call(pack=pack, key_id=key_id, model=model.id, operation="embeddings", input_tokens=bound)
        with await self._gate.enter(call) as spending:
            answer = await adapter.embed(asked, spending.sent)
            booked = spending.settle(answer.tokens, estimate=ModelTokens(input=bound))
        _check_answer(answer, request)
        return Embedded(answer.vectors, answer.dimensions, booked, model.id, answer.typed, answer.image_tokens)

    async def _readable(self, request: EmbedRequest, provider: Provider) -> EmbedRequest:
        """The request with texts in the place of token numbers, where the provider does not take these."""
        numbers = [each for each in request.inputs if isinstance(each, tuple)]
        if not numbers or provider in TAKING_TOKENS:
            return request
        if self._reader is None:
            raise Refused("unsupported", "This model takes texts, not token numbers. Send the text.", field="input")
        texts = iter(await self._reader.read(numbers))
        inputs = tuple(next(texts) if isinstance(each, tuple) else each for each in request.inputs)
        return msgspec.structs.replace(request, inputs=inputs)


def check(request: EmbedRequest, model: Model, *, provider: Provider) -> None:
    """Whether the model can do what is asked. Refused: invalid_request, unsupported."""
    if not request.inputs:
        raise Refused("invalid_request", "There is nothing to embed: give at least one input.")
    if "image" not in model.modalities and any(map(_has_image, request.inputs)):
        raise Refused("unsupported", f"{model.name} embeds texts, not images.", model=model.id)
    _check_dimensions(request.dimensions, model)
    others = [each for each in request.types if each not in FLOATS]
    if others and provider not in QUANTISING:
        raise Refused(
            "unsupported",
            f"{model.name} gives vectors of floats, not of type {', '.join(others)}. Ask for `float` or `base64`.",
            field="embedding_types",
            model=model.id,
        )
    if request.input_tokens_max is not None and provider not in QUANTISING:
        raise Refused(
            "unsupported",
            f"{model.name} cannot cut inputs to a number of tokens. Leave `max_tokens` out.",
            field="max_tokens",
            model=model.id,
        )


def _check_dimensions(wanted: int | None, model: Model) -> None:
    if wanted is None or wanted in model.dimensions:
        return
    if wanted < 1:
        raise Refused("invalid_request", f"Vectors have at least 1 dimension, not {wanted}.", field="dimensions")
    if model.dimensions and not model.any_dimensions:
        able = " or ".join(f"{each:,}" for each in sorted(model.dimensions))
        raise Refused(
            "unsupported",
            f"{model.name} makes vectors of {able} dimensions, not of {wanted:,}.",
            field="dimensions",
            dimensions=list(model.dimensions),
        )


def _has_image(each: object) -> bool:
    return isinstance(each, EmbedInput) and any(isinstance(part, Image) for part in each.parts)


def _check_answer(answer: EmbedAnswer, request: EmbedRequest) -> None:
    """A vector of each type for each input, of the dimensions that were asked for."""
    wanted = len(request.inputs)
    floats = not FLOATS.isdisjoint(request.types)
    given = {typed.type: len(typed.vectors) for typed in answer.typed}
    if (
        (floats and len(answer.vectors) != wanted)
        or any(given.get(each) != wanted for each in request.types if each not in FLOATS)
        or (request.dimensions is not None and answer.dimensions != request.dimensions)
    ):
        raise Refused("provider_malformed", "The model's provider answered with other vectors than were asked for.")
