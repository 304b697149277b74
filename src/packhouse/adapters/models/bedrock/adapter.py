"""The adapter: neutral chat, embeddings and counting of tokens at Bedrock's endpoint in one region."""

import asyncio
from collections.abc import AsyncGenerator
from hashlib import sha256
from typing import Literal
from urllib.parse import quote, urlsplit

from packhouse.adapters.models.batches import embed_in_batches
from packhouse.adapters.models.bedrock.answer import read_answer, read_count
from packhouse.adapters.models.bedrock.credentials import BearerKey, Credentials, Keyring
from packhouse.adapters.models.bedrock.embed import embed_body, inputs_max, is_cohere_embed, read_vectors
from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder, malformed
from packhouse.adapters.models.bedrock.refusals import is_expired, refusal
from packhouse.adapters.models.bedrock.request import converse_body, count_body
from packhouse.adapters.models.bedrock.signature import SignedTarget, Signer, signed_target
from packhouse.adapters.models.bedrock.stream import StreamReader
from packhouse.adapters.models.http.client import Answer, Endpoint, Incoming, UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.geography import profile_stays_in, without_profile
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import Headers, Sent
from packhouse.ports.outside import Clock

Operation = Literal["converse", "converse-stream", "invoke", "count-tokens"]

_STREAM = "application/vnd.amazon.eventstream"
_HASHED_HERE_BYTES_MAX = 256 * 1024
"""A longer body is hashed in a thread."""


class _Route(Content, frozen=True):
    """One operation of one model."""

    endpoint: Endpoint
    target: SignedTarget


class Bedrock:
    """`TextModel`, `EmbeddingsModel` and `TokenCounter` over one region.

    `request.model` is a model's id, a profile's or an ARN. One that would lead out of the region's geography is refused
    as `unsupported`, whatever the endpoint. `endpoint_url` takes the place of the region's own address.
    """

    def __init__(
        self,
        region: str,
        *,
        client: UpstreamClient,
        credentials: Credentials | Keyring,
        clock: Clock,
        endpoint_url: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._region = region
        self._client = client
        self._keyring = credentials if isinstance(credentials, Keyring) else Keyring(credentials)
        self._clock = clock
        self._base = (endpoint_url or f"https://bedrock-runtime.{region}.amazonaws.com").rstrip("/")
        self._timeouts = timeouts
        self._signer = Signer(region, "bedrock")
        self._routes = dict[tuple[str, Operation], _Route]()

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        answer = await self._call(request.model, "converse", body=converse_body(request), sent=sent)
        return read_answer(answer.body, _counted(answer))

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        body = converse_body(request)
        route = self._route(request.model, "converse-stream")
        headers = await self._authorised(route, body)
        decoder, reader = EventStreamDecoder(), StreamReader()
        async with route.endpoint.open(body, sent, headers=headers) as incoming:
            await self._check(incoming)
            try:
                async for piece in incoming:
                    for frame in decoder.feed(piece):
                        for said in reader.read(frame):
                            yield said
                    if reader.complete:
                        incoming.whole = True
                        break
            except Refused as refused:
                if refused.code != "provider_cut" or not reader.stopped:
                    raise
        yield reader.end()

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        if not is_cohere_embed(request.model):
            raise Refused("unsupported", "Of Bedrock's embeddings models Cohere's are served.", model=request.model)
        return await embed_in_batches(request, sent, inputs_max=inputs_max(request), embed=self._embed)

    async def count_tokens(self, request: ChatRequest) -> int:
        self._check_geography(request.model)
        model = without_profile(request.model)
        answer = await self._call(model, "count-tokens", body=count_body(request), sent=_unheard)
        return read_count(answer.body)

    async def _embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        answer = await self._call(request.model, "invoke", body=embed_body(request), sent=sent)
        return read_vectors(answer.body, request, tokens=_counted(answer))

    async def _call(self, model: str, operation: Operation, *, body: bytes, sent: Sent) -> Answer:
        """The answer with status 200; raises what any other means."""
        route = self._route(model, operation)
        answer = await route.endpoint.call(body, sent, headers=await self._authorised(route, body))
        if answer.status != 200:
            raise self._refused(answer, answer.body)
        return answer

    async def _check(self, incoming: Incoming) -> None:
        if incoming.status != 200:
            raise self._refused(incoming, await incoming.read())
        if not (incoming.header("content-type") or "").lower().startswith(_STREAM):
            raise malformed()

    def _refused(self, answer: Answer | Incoming, body: bytes) -> Refused:
        refused = refusal(
            answer.status,
            body,
            kind=answer.header("x-amzn-errortype"),
            retry_after=answer.header("retry-after"),
        )
        if is_expired(refused):
            self._keyring.doubt()
        return refused

    async def _authorised(self, route: _Route, body: bytes) -> Headers:
        """The headers that say who calls."""
        keys = self._keyring.at_hand() or await self._keyring.keys()
        if isinstance(keys, BearerKey):
            return ((b"authorization", b"Bearer " + keys.key.encode()),)
        hashed = sha256(body) if len(body) <= _HASHED_HERE_BYTES_MAX else await asyncio.to_thread(sha256, body)
        at_seconds = self._clock.microseconds() // 1_000_000
        return self._signer.headers(route.target, keys, body_hash=hashed.hexdigest(), at_seconds=at_seconds)

    def _check_geography(self, model: str) -> None:
        if not profile_stays_in(self._region, model):
            message = f"The model {model} is not served from within the geography of {self._region}."
            raise Refused("unsupported", message, model=model, region=self._region)

    def _route(self, model: str, operation: Operation) -> _Route:
        if (route := self._routes.get((model, operation))) is None:
            route = self._routes[model, operation] = self._new_route(model, operation)
        return route

    def _new_route(self, model: str, operation: Operation) -> _Route:
        self._check_geography(model)
        url = f"{self._base}/model/{quote(model, safe='')}/{operation}"
        accept = _STREAM if operation == "converse-stream" else "application/json"
        headers = {"content-type": "application/json", "accept": accept}
        endpoint = self._client.endpoint("POST", url, headers=headers, timeouts=self._timeouts)
        host = urlsplit(url).netloc.rpartition("@")[2]
        return _Route(endpoint, signed_target("POST", url, headers={"host": host} | headers))


def _counted(answer: Answer) -> ModelTokens | None:
    """What the answer's headers say of tokens; None where they say nothing."""
    counts = [answer.header(f"x-amzn-bedrock-{name}-token-count") for name in _CLASSES]
    if all(count is None or not count.isdecimal() for count in counts):
        return None
    read = [int(count) if count is not None and count.isdecimal() else 0 for count in counts]
    return ModelTokens(read[0], read[1], cache_read=read[2], cache_write=read[3])


_CLASSES = ("input", "output", "cache-read-input", "cache-write-input")


def _unheard() -> None:
    """Counting costs nothing, so nobody waits to hear that it was sent."""
