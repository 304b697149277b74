"""Embeddings in the dialect: a batch's body, and the vectors in its answer."""

import base64
import binascii
import struct

import msgspec

from packhouse.adapters.models.openai_compatible import wire
from packhouse.adapters.models.openai_compatible.answer import malformed
from packhouse.domain.embedding import EmbedAnswer

_decoder = msgspec.json.Decoder(wire.InEmbeddings)


def read_vectors(body: bytes, texts: int) -> EmbedAnswer:
    """The answer to a batch of `texts` texts. Raises `Refused` `provider_malformed`."""
    try:
        answer = _decoder.decode(body)
        ordered = sorted(enumerate(answer.data), key=lambda place: _or_place(place[1].index, place[0]))
        vectors = tuple(_little_endian(vector.embedding) for _, vector in ordered)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as error:
        raise malformed() from error
    sizes = {len(vector) for vector in vectors}
    if len(vectors) != texts or len(sizes) != 1 or (size := sizes.pop()) == 0 or size % 4:
        raise malformed()
    return EmbedAnswer(vectors, size // 4, answer.usage.tokens() if answer.usage else None)


def _or_place(index: int | None, place: int) -> int:
    return place if index is None else index


def _little_endian(embedding: str | tuple[float, ...]) -> bytes:
    if isinstance(embedding, str):
        return base64.b64decode(embedding, validate=True)
    return struct.pack(f"<{len(embedding)}f", *embedding)
