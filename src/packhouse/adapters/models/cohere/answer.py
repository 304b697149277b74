"""From an embed answer to vectors of bytes and what they cost."""

import struct
from collections.abc import Sequence

import msgspec

from packhouse.adapters.models.cohere import wire
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest, TypedVectors
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

_FORMATS = {"int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
_decoder = msgspec.json.Decoder(wire.InEmbed)


def malformed() -> Refused:
    return Refused("provider_malformed", "The model's provider answered something that is not its protocol.")


def read_vectors(body: bytes, request: EmbedRequest) -> EmbedAnswer:
    """The answer to a batch. Refused: provider_malformed."""
    try:
        answer = _decoder.decode(body)
        vectors = _packed(answer.embeddings.floats or (), "f") if _wants_floats(request) else ()
        typed = tuple(
            TypedVectors(kind, _packed(getattr(answer.embeddings, kind) or (), _FORMATS[kind]))
            for kind in request.types
            if kind in _FORMATS
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, struct.error, OverflowError) as error:
        raise malformed() from error
    dimensions = _dimensions(vectors, typed, request=request)
    units = answer.meta.billed_units if answer.meta else None
    if units is None or (units.input_tokens is None and units.image_tokens is None):
        return EmbedAnswer(vectors, dimensions, None, typed)
    of_images = int(units.image_tokens or 0)
    return EmbedAnswer(vectors, dimensions, ModelTokens(int(units.input_tokens or 0) + of_images), typed, of_images)


def _wants_floats(request: EmbedRequest) -> bool:
    return not {"float", "base64"}.isdisjoint(request.types)


def _packed(rows: Sequence[Sequence[float]], form: str) -> tuple[bytes, ...]:
    return tuple(struct.pack(f"<{len(row)}{form}", *row) for row in rows)


def _dimensions(vectors: tuple[bytes, ...], typed: tuple[TypedVectors, ...], *, request: EmbedRequest) -> int:
    """The one number of dimensions that all vectors have; each type has one for each input."""
    found = {len(vector) // 4 for vector in vectors}
    for each in typed:
        found |= {len(vector) * (8 if "binary" in each.type else 1) for vector in each.vectors}
    counts = {len(each.vectors) for each in typed} | ({len(vectors)} if _wants_floats(request) else set[int]())
    if len(found) != 1 or counts != {len(request.inputs)} or not (dimensions := found.pop()):
        raise malformed()
    return dimensions
