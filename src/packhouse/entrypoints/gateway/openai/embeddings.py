"""`POST /v1/embeddings`: floats or base64, one text or many."""

import base64
from array import array

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.openai.wire import EmbeddingsBody
from packhouse.ports.meter import Meter
from packhouse.services.embeddings import Embedded, Embeddings

TEXTS_MAX = 2_048
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
        asked = EmbedRequest(model=wire.model, inputs=_texts(wire), dimensions=wire.dimensions)
        embedded = await self._embeddings.embed(access.pack("embeddings"), access.key_id, request=asked)
        return Reply(body=_write(embedded, as_base64=wire.encoding_format == "base64"))


def _texts(wire: EmbeddingsBody) -> tuple[str, ...]:
    texts = [wire.input] if isinstance(wire.input, str) else wire.input
    if not texts:
        raise Refused("invalid_request", "`input` is empty. Give a text or a list of texts.", field="input")
    if len(texts) > TEXTS_MAX:
        raise Refused(
            "invalid_request",
            f"`input` has {len(texts):,} texts; at most {TEXTS_MAX:,} go into one request.",
            field="input",
        )
    kept = list[str]()
    for text in texts:
        if not isinstance(text, str):
            raise Refused(
                "unsupported",
                "This model takes texts, not lists of token numbers. Send the text itself.",
                field="input",
            )
        if not text:
            raise Refused("invalid_request", "`input` holds an empty text; leave it out.", field="input")
        kept.append(text)
    return tuple(kept)


def _write(embedded: Embedded, *, as_base64: bool) -> bytes:
    data = tuple(
        OutEmbedding(index, base64.b64encode(vector).decode() if as_base64 else array("f", vector).tolist())
        for index, vector in enumerate(embedded.vectors)
    )
    tokens = embedded.tokens.total
    return msgspec.json.encode(OutEmbeddings(data, embedded.model, OutUsage(tokens, tokens)))
