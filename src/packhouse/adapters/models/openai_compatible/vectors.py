"""Embeddings in the dialect: a batch's body, and the vectors in its answer."""

import base64
import binascii
import struct

import msgspec

from packhouse.adapters.models.openai_compatible import wire
from packhouse.adapters.models.openai_compatible.answer import malformed
from packhouse.adapters.models.openai_compatible.ways import Encoding
from packhouse.domain.embedding import EmbedAnswer, EmbedInput, EmbedRequest
from packhouse.domain.errors import Refused

_decoder = msgspec.json.Decoder(wire.InEmbeddings)


def embeddings_body(request: EmbedRequest, *, encoding: Encoding) -> bytes:
    """A batch's body: texts and token numbers travel as they are. Refused(unsupported) for what the dialect lacks."""
    inputs = [each for each in request.inputs if not isinstance(each, EmbedInput)]
    if len(inputs) < len(request.inputs):
        raise Refused("unsupported", "This model's server embeds texts only.", field="input")
    if not {"float", "base64"}.issuperset(request.types):
        raise Refused("unsupported", "This model's server gives vectors of floats only.", field="embedding_types")
    body = wire.OutEmbeddings(request.model, tuple(inputs), encoding, request.dimensions)
    return msgspec.json.encode(body)


def read_vectors(body: bytes, inputs: int) -> EmbedAnswer:
    """The answer to a batch of `inputs` inputs. Raises `Refused` `provider_malformed`."""
    try:
        answer = _decoder.decode(body)
        ordered = sorted(enumerate(answer.data), key=lambda place: _or_place(place[1].index, place[0]))
        vectors = tuple(_little_endian(vector.embedding) for _, vector in ordered)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error) as error:
        raise malformed() from error
    sizes = {len(vector) for vector in vectors}
    if len(vectors) != inputs or len(sizes) != 1 or (size := sizes.pop()) == 0 or size % 4:
        raise malformed()
    return EmbedAnswer(vectors, size // 4, answer.usage.tokens() if answer.usage else None)


def _or_place(index: int | None, place: int) -> int:
    return place if index is None else index


def _little_endian(embedding: str | tuple[float, ...]) -> bytes:
    if isinstance(embedding, str):
        return base64.b64decode(embedding, validate=True)
    return struct.pack(f"<{len(embedding)}f", *embedding)
