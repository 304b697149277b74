"""From an embed answer to vectors of bytes and what they cost."""

import msgspec

from packhouse.adapters.models.cohere import wire
from packhouse.adapters.models.cohere_embed import UNREADABLE, malformed, vectors_of
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.units import ModelTokens

_decoder = msgspec.json.Decoder(wire.InEmbed)


def read_vectors(body: bytes, request: EmbedRequest) -> EmbedAnswer:
    """The answer to a batch. Refused: provider_malformed."""
    try:
        answer = _decoder.decode(body)
    except UNREADABLE as error:
        raise malformed() from error
    read = vectors_of(answer.embeddings, request)
    units = answer.meta.billed_units if answer.meta else None
    if units is None or (units.input_tokens is None and units.image_tokens is None):
        return EmbedAnswer(read.floats, read.dimensions, None, read.typed)
    of_images = int(units.image_tokens or 0)
    tokens = ModelTokens(int(units.input_tokens or 0) + of_images)
    return EmbedAnswer(read.floats, read.dimensions, tokens, read.typed, of_images)
