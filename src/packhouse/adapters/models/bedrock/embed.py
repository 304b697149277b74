"""Cohere's Embed models by InvokeModel: a batch's body, and the vectors in its answer."""

import msgspec

from packhouse.adapters.models import cohere_embed
from packhouse.adapters.models.cohere_embed import UNREADABLE, InVectors, image_of, malformed, vectors_of
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

_V3_DIMENSIONS = 1024


class _Answer(Content, frozen=True):
    """Where no types were named, the third version answers with a plain list."""

    embeddings: InVectors | list[list[float]]


_decoder = msgspec.json.Decoder(_Answer)


def is_cohere_embed(model: str) -> bool:
    return "cohere.embed" in model


def inputs_max(request: EmbedRequest) -> int:
    """How many inputs go into one call."""
    return cohere_embed.inputs_max(request, older=_is_v3(request.model))


def embed_body(request: EmbedRequest) -> bytes:
    """A batch's body. Refused: unsupported."""
    v3, input_type = _is_v3(request.model), request.input_type
    if v3:
        _check_v3(request)
    elif input_type == "image":
        input_type = "search_document"  # the fourth version tells images by themselves
    dimensions = None if v3 else request.dimensions
    return cohere_embed.body_of(request, older=v3, input_type=input_type, dimensions=dimensions)


def read_vectors(body: bytes, request: EmbedRequest, *, tokens: ModelTokens | None) -> EmbedAnswer:
    """The answer to a batch; `tokens` from its headers. Refused: provider_malformed."""
    try:
        embeddings = _decoder.decode(body).embeddings
    except UNREADABLE as error:
        raise malformed() from error
    read = vectors_of(InVectors(embeddings) if isinstance(embeddings, list) else embeddings, request)
    only_images = all(image_of(each) is not None for each in request.inputs)
    image_tokens = tokens.input if tokens is not None and only_images else 0
    return EmbedAnswer(read.floats, read.dimensions, tokens, read.typed, image_tokens)


def _is_v3(model: str) -> bool:
    return "embed-v4" not in model


def _check_v3(request: EmbedRequest) -> None:
    if request.dimensions not in (None, _V3_DIMENSIONS):
        message = f"This model's vectors have {_V3_DIMENSIONS} dimensions."
        raise Refused("unsupported", message, field="dimensions")
    if request.input_tokens_max is not None:
        raise Refused("unsupported", "This model cannot be told how many tokens to take.", field="max_tokens")
