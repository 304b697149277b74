"""The adapter: the neutral chat, embeddings, and the short road for bodies that are in the dialect already."""

import base64
import binascii
from array import array
from collections.abc import AsyncGenerator
from typing import TypeVar

import msgspec

from packhouse.adapters.models.http.client import Answer as HttpAnswer
from packhouse.adapters.models.http.client import Incoming, UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.adapters.models.http.sse import SseDecoder
from packhouse.adapters.models.openai_compatible.answer import answer_of
from packhouse.adapters.models.openai_compatible.body import chat_body
from packhouse.adapters.models.openai_compatible.refusals import refusal_in_stream, refusal_of
from packhouse.adapters.models.openai_compatible.stream import StreamReader
from packhouse.adapters.models.openai_compatible.wire import Answer, Embedding, Embeddings
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.ports.models import Relayed, Sent

DONE = b"[DONE]"
TEXTS_AT_ONCE = 96

Wire = TypeVar("Wire")

_answer = msgspec.json.Decoder(Answer)
_embeddings = msgspec.json.Decoder(Embeddings)


class OpenAICompatible:
    """A server at `base_url` (up to `/v1`): a `TextModel`, an `EmbeddingsModel` and an `OpenAIRelay`."""

    def __init__(
        self, base_url: str, *, client: UpstreamClient, api_key: str | None = None, timeouts: Timeouts | None = None
    ) -> None:
        headers = {"content-type": "application/json"}
        if api_key is not None:
            headers["authorization"] = f"Bearer {api_key}"
        base = base_url.rstrip("/")
        self._chat = client.endpoint("POST", f"{base}/chat/completions", headers, timeouts=timeouts)
        self._embed = client.endpoint("POST", f"{base}/embeddings", headers, timeouts=timeouts)

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        got = _accepted(await self._chat.call(chat_body(request, stream=False), sent))
        return answer_of(_read(_answer, got.body))

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        reader = StreamReader()
        async with self._chat.open(chat_body(request, stream=True), sent) as incoming:
            await _accept(incoming)
            async for payload in _payloads(incoming):
                for piece in reader.feed(_read(_answer, payload)):
                    yield piece
        yield reader.end()

    async def relay(self, body: bytes, sent: Sent) -> Relayed:
        return Relayed(_accepted(await self._chat.call(body, sent)).body)

    async def relay_stream(self, body: bytes, sent: Sent) -> AsyncGenerator[bytes, None]:
        finished = False
        async with self._chat.open(body, sent) as incoming:
            await _accept(incoming)
            async for payload in _payloads(incoming):
                finished = finished or _finishes(payload)
                yield payload
        if not finished:
            raise Refused("provider_cut", "The model's provider broke off in the middle of its answer.")
        yield DONE

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        vectors = list[bytes]()
        tokens = None
        for start in range(0, len(request.texts), TEXTS_AT_ONCE):
            some = request.texts[start : start + TEXTS_AT_ONCE]
            body: dict[str, object] = {"model": request.model, "input": some, "encoding_format": "float"}
            if request.dimensions is not None:
                body["dimensions"] = request.dimensions
            wire = _read(_embeddings, _accepted(await self._embed.call(msgspec.json.encode(body), sent)).body)
            if len(wire.data) != len(some):
                raise Refused("provider_malformed", "The model's provider answered with too few or many vectors.")
            vectors += [_vector(each) for each in sorted(wire.data, key=lambda each: each.index)]
            counted = wire.usage.tokens if wire.usage is not None else None
            tokens = counted if start == 0 or counted is None or tokens is None else tokens + counted
        return EmbedAnswer(tuple(vectors), len(vectors[0]) // 4, tokens)


async def _payloads(incoming: Incoming) -> AsyncGenerator[bytes, None]:
    """The events' data up to `[DONE]`; servers that send none end with their connection."""
    decoder = SseDecoder()
    async for piece in incoming:
        for event in decoder.feed(piece):
            if event.data == DONE:
                return
            if event.data.startswith(b'{"error"'):
                error = _read(_answer, event.data).error
                raise refusal_in_stream(bytes(error))
            yield event.data


def _finishes(payload: bytes) -> bool:
    """Whether a chunk says why the answer stops; a look at its bytes is enough, and costs nothing."""
    at = payload.find(b'"finish_reason"')
    return at >= 0 and not payload[at + 15 : at + 24].replace(b" ", b"").startswith(b":null")


def _accepted(answer: HttpAnswer) -> HttpAnswer:
    if answer.status != 200:
        raise refusal_of(answer.status, answer.body, answer.header("retry-after"))
    return answer


async def _accept(incoming: Incoming) -> None:
    if incoming.status != 200:
        raise refusal_of(incoming.status, await incoming.read(), incoming.header("retry-after"))


def _read(decoder: msgspec.json.Decoder[Wire], body: bytes) -> Wire:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(
            "provider_malformed", "The model's provider answered something that is not its dialect."
        ) from error


def _vector(wire: Embedding) -> bytes:
    if isinstance(wire.embedding, list):
        return array("f", wire.embedding).tobytes()
    try:
        return base64.b64decode(wire.embedding, validate=True)
    except binascii.Error as error:
        raise Refused("provider_malformed", "The model's provider answered a vector that is not base64.") from error
