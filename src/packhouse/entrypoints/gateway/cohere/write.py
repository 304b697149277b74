"""From neutral vectors to Cohere's dialect."""

import base64
from array import array
from collections.abc import Sequence
from typing import Literal

import msgspec

from packhouse.domain.embedding import VectorType
from packhouse.entrypoints.gateway.cohere import wire
from packhouse.services.embeddings import Embedded

Version = Literal["1", "2"]

_CODES: dict[VectorType, str] = {"int8": "b", "binary": "b", "uint8": "B", "ubinary": "B"}
"""The array types of packed vectors: signed and unsigned bytes."""


class Answer(msgspec.Struct, frozen=True):
    """What an answer is of besides its vectors."""

    id: str
    version: Version
    texts: Sequence[str]


def floats_body(answer: Answer, embedded: Embedded) -> bytes:
    """The older shape, which clients get that named no types."""
    return _body(answer, embedded, embeddings=_floats(embedded))


def typed_body(answer: Answer, embedded: Embedded, *, types: Sequence[VectorType]) -> bytes:
    """Each type that was asked for under its name."""
    given = {typed.type: typed.vectors for typed in embedded.typed}
    rows = {
        kind: tuple(array(_CODES[kind], vector).tolist() for vector in given[kind]) for kind in types if kind in given
    }
    vectors = wire.OutVectors(
        floats=_floats(embedded) if "float" in types else msgspec.UNSET,
        base64=tuple(base64.b64encode(each).decode() for each in embedded.vectors)
        if "base64" in types
        else msgspec.UNSET,
        **rows,
    )
    return _body(answer, embedded, embeddings=vectors)


def _floats(embedded: Embedded) -> tuple[list[float], ...]:
    return tuple(array("f", vector).tolist() for vector in embedded.vectors)


def _body(answer: Answer, embedded: Embedded, *, embeddings: tuple[list[float], ...] | wire.OutVectors) -> bytes:
    images = embedded.image_tokens
    units = wire.OutUnits(max(0, embedded.tokens.total - images), images)
    return msgspec.json.encode(
        wire.OutEmbeddings(
            id=answer.id,
            response_type="embeddings_by_type" if isinstance(embeddings, wire.OutVectors) else "embeddings_floats",
            embeddings=embeddings,
            texts=list(answer.texts),
            meta=wire.OutMeta(wire.OutVersion(answer.version), units),
        )
    )
