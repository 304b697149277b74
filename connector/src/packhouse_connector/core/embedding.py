"""Embeddings: texts in, vectors out; base64 on the wire, which is a quarter of the JSON numbers' bytes."""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from packhouse_connector.core.call import Operation, post, reader
from packhouse_connector.core.chat_wire import WireUsage
from packhouse_connector.core.response import Response
from packhouse_connector.core.usage import Usage

TEXTS_MAX = 256
"""How many texts travel in one call; a longer list becomes several calls."""


class Embedding(list[float]):
    """A vector: a list of floats that also knows its `model`, `usage` and `request_id`. Its repr hides it."""

    __slots__ = ("model", "request_id", "usage")

    def __init__(self, vector: Iterable[float], *, model: str, usage: Usage, request_id: str | None) -> None:
        super().__init__(vector)
        self.model = model
        self.usage = usage
        self.request_id = request_id

    def __repr__(self) -> str:
        return f"<Embedding {len(self)} dimensions {self.usage} request_id={self.request_id!r}>"


class Embeddings(list[list[float]]):
    """One vector for each text, in order; `usage` is the sum over all of them. Its repr hides them."""

    __slots__ = ("model", "usage")

    def __init__(self, vectors: Iterable[list[float]], *, model: str, usage: Usage) -> None:
        super().__init__(vectors)
        self.model = model
        self.usage = usage

    def __repr__(self) -> str:
        return f"<Embeddings {len(self)} vectors {self.usage}>"


class _Request(msgspec.Struct, omit_defaults=True):
    input: str | Sequence[str]
    encoding_format: str
    model: str | None = None
    dimensions: int | None = None


class _Vector(msgspec.Struct):
    index: int
    embedding: bytes | list[float]


class _Answer(msgspec.Struct):
    data: list[_Vector]
    model: str = ""
    usage: WireUsage | None = None


_answer = reader(_Answer)


def embed(text: str, *, model: str | None, dimensions: int | None) -> Operation[Embedding]:
    """One text, one vector."""
    return Operation(post("/v1/embeddings", _Request(text, "base64", model, dimensions)), _one)


def embed_all(texts: Sequence[str], *, model: str | None, dimensions: int | None) -> Iterator[Operation[Embeddings]]:
    """The calls for many texts, in order; none where there is no text."""
    for start in range(0, len(texts), TEXTS_MAX):
        request = _Request(texts[start : start + TEXTS_MAX], "base64", model, dimensions)
        yield Operation(post("/v1/embeddings", request), _many)


def joined(batches: Iterable[Embeddings]) -> Embeddings:
    """The answers of `embed_all` as one."""
    whole = Embeddings((), model="", usage=Usage())
    for batch in batches:
        whole.extend(batch)
        whole.model = batch.model
        whole.usage += batch.usage
    return whole


def floats(vector: bytes) -> list[float]:
    """Little-endian 32-bit floats as a list."""
    numbers = array("f")
    numbers.frombytes(vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _one(response: Response) -> Embedding:
    many = _many(response)
    if len(many) != 1:
        raise msgspec.ValidationError("one text, one vector")
    return Embedding(many[0], model=many.model, usage=many.usage, request_id=response.request_id)


def _many(response: Response) -> Embeddings:
    answer = _answer(response)
    try:
        vectors = [_numbers(one.embedding) for one in sorted(answer.data, key=lambda one: one.index)]
    except ValueError as error:  # bytes that are no whole number of floats
        raise msgspec.ValidationError("not a vector") from error
    return Embeddings(vectors, model=answer.model, usage=Usage((answer.usage or WireUsage()).prompt_tokens or 0))


def _numbers(embedding: bytes | list[float]) -> list[float]:
    return floats(embedding) if isinstance(embedding, bytes) else embedding
