"""`POST /v1/embeddings`: floats or base64, one text or many, as texts or as token numbers."""

import base64
from array import array

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.embedding import Embeddable, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.openai.wire import EmbeddingsBody
from packhouse.ports.meter import Meter
from packhouse.services.embeddings import Embedded, Embeddings

INPUTS_MAX = 2_048
"""As many as OpenAI takes in one request."""

_body = msgspec.json.Decoder(EmbeddingsBody)


class OutEmbedding(Content, frozen=True):
    index: int
    embedding: str | list[float]
    object: str = "embedding"


class OutUsage(msgspec.Struct, frozen=True):
    prompt_tokens: int
    total_tokens: int


class OutEmbeddings(Content, frozen=True):
    data: tuple[OutEmbedding, ...]
    model: str
    usage: OutUsage
    object: str = "list"


class EmbeddingsRoute:
    """Embeddings in the OpenAI dialect."""

    def __init__(self, *, meter: Meter, embeddings: Embeddings) -> None:
        self._meter = meter
        self._embeddings = embeddings

    async def __call__(self, request: Request) -> Reply:
        access = await authorise(request, self._meter)
        wire = decode(_body, request.body)
        asked = EmbedRequest(
            model=wire.model,
            inputs=_inputs(wire),
            input_type=wire.input_type,
            dimensions=wire.dimensions,
            truncate="none",  # OpenAI refuses a text that is too long
        )
        embedded = await self._embeddings.embed(access.pack("embeddings"), access.key_id, request=asked)
        return Reply(body=_write(embedded, as_base64=wire.encoding_format == "base64"))


def _inputs(wire: EmbeddingsBody) -> tuple[Embeddable, ...]:
    """A list of numbers is one text, everything else a list of several."""
    given = wire.input
    if isinstance(given, str):
        return (_input(given),)
    if not given:
        raise _wrong("`input` is empty. Give a text, a list of texts, or token numbers.")
    if all(isinstance(each, int) for each in given):
        return (_input([each for each in given if isinstance(each, int)]),)
    if len(given) > INPUTS_MAX:
        raise _wrong(f"`input` has {len(given):,} elements; at most {INPUTS_MAX:,} go into one request.")
    if len({type(each) for each in given}) > 1:
        raise _wrong("`input` mixes texts and token numbers. Send requests of one kind.")
    return tuple(_input(each) for each in given if not isinstance(each, int))


def _input(each: str | list[int]) -> Embeddable:
    if not each:
        raise _wrong("`input` holds an empty text; leave it out.")
    if isinstance(each, str):
        return each
    if min(each) < 0:
        raise _wrong("`input` holds a token number below 0.")
    return tuple(each)


def _wrong(message: str) -> Refused:
    return Refused("invalid_request", message, field="input")


def _write(embedded: Embedded, *, as_base64: bool) -> bytes:
    data = tuple(
        OutEmbedding(index, base64.b64encode(vector).decode() if as_base64 else array("f", vector).tolist())
        for index, vector in enumerate(embedded.vectors)
    )
    tokens = embedded.tokens.total
    return msgspec.json.encode(OutEmbeddings(data, embedded.model, OutUsage(tokens, tokens)))
