"""The adapter: neutral or relayed chat, and embeddings, at one OpenAI-compatible server."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from urllib.parse import urlsplit, urlunsplit

import msgspec

from packhouse.adapters.models.batches import embed_in_batches
from packhouse.adapters.models.http.client import Answer, Incoming, UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.adapters.models.http.sse import SseDecoder
from packhouse.adapters.models.openai_compatible.answer import ChunkReader, malformed, read_answer
from packhouse.adapters.models.openai_compatible.refusals import error_within, refusal
from packhouse.adapters.models.openai_compatible.request import chat_body, relayed_body
from packhouse.adapters.models.openai_compatible.vectors import embeddings_body, read_vectors
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.ports.models import Headers, Relayed, Sent

_DONE = b"[DONE]"


class _AnyObject(Content, frozen=True):
    """Reads all of a body and keeps nothing: it is JSON to its end."""


_any_object = msgspec.json.Decoder(_AnyObject).decode
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')


class OpenAICompatible:
    """`TextModel`, `EmbeddingsModel` and `Relay` over one server.

    `base_url` is what OpenAI's own clients call so: it ends before `/chat/completions`, mostly with `/v1`; a
    query stays behind. `headers` go with each call (Azure: `{"api-key": …}` instead of `api_key`).
    """

    def __init__(
        self,
        base_url: str,
        *,
        client: UpstreamClient,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        ways: Ways | None = None,
    ) -> None:
        lines = {"content-type": "application/json", "accept": "application/json"}
        lines |= {"authorization": f"Bearer {api_key}"} if api_key else {}
        lines |= headers or {}
        self._ways = ways or Ways()
        self._whole, self._streamed, self._embeddings = (
            client.endpoint("POST", _under(base_url, path), headers=lines | accept, timeouts=timeouts)
            for path, accept in (
                ("/chat/completions", {}),
                ("/chat/completions", {"accept": "text/event-stream"}),
                ("/embeddings", {}),
            )
        )

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        body = chat_body(request, stream=False, ways=self._ways)
        return read_answer(_whole(await self._whole.call(body, sent), b'"choices"'))

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        body = chat_body(request, stream=True, ways=self._ways)
        reader = ChunkReader()
        async with aclosing(self._payloads(body, sent)) as payloads:
            async for payload in payloads:
                if payload != _DONE:
                    for piece in reader.read(payload):
                        yield piece
        yield reader.end()

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        return await embed_in_batches(request, sent, inputs_max=self._ways.embed_texts_max, embed=self._embed)

    async def _embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        body = embeddings_body(request, encoding=self._ways.embedding_encoding)
        answer = await self._embeddings.call(body, sent)
        return read_vectors(_whole(answer, b'"data"'), len(request.inputs))

    async def relay(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> Relayed:
        body = relayed_body(body, self._ways)
        answer = _whole(await self._whole.call(body, sent, headers=headers), b'"choices"')
        try:
            _any_object(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed() from error
        return Relayed(answer)

    def relay_stream(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> AsyncGenerator[bytes, None]:
        return self._payloads(relayed_body(body, self._ways), sent, headers=headers)

    async def _payloads(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> AsyncGenerator[bytes, None]:
        decoder = SseDecoder()
        finished = False
        async with self._streamed.open(body, sent, headers=headers) as incoming:
            await _check_stream(incoming)
            async for piece in incoming:
                for event in decoder.feed(piece):
                    payload = event.data
                    if payload == _DONE:
                        incoming.whole = True
                        yield payload
                        return
                    if b'"error"' in payload and (refused := error_within(payload)) is not None:
                        raise refused
                    finished = finished or _FINISHED.search(payload) is not None
                    yield payload
        if not finished:
            raise Refused("provider_cut", "The model's provider broke off in the middle of its answer.")
        yield _DONE  # not every server says so itself


def _under(base_url: str, path: str) -> str:
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _whole(answer: Answer, must_have: bytes) -> bytes:
    """The body of an answer with status 200; raises what any other answer means."""
    if answer.status != 200:
        raise refusal(answer.status, answer.body, retry_after=answer.header("retry-after"))
    if must_have not in answer.body:
        raise error_within(answer.body) or malformed()
    return answer.body


async def _check_stream(incoming: Incoming) -> None:
    if incoming.status != 200:
        raise refusal(incoming.status, await incoming.read(), retry_after=incoming.header("retry-after"))
    if not (incoming.header("content-type") or "").lower().startswith("text/event-stream"):
        raise error_within(await incoming.read()) or malformed()
