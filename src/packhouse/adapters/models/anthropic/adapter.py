"""The adapter: neutral or relayed messages, and the count of tokens, at Anthropic or a server that speaks alike."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import msgspec

from packhouse.adapters.models.anthropic.answer import UNREADABLE, malformed, read_answer, read_count
from packhouse.adapters.models.anthropic.refusals import error_within, refusal
from packhouse.adapters.models.anthropic.request import betas_of, count_body, messages_body
from packhouse.adapters.models.anthropic.stream import EventReader
from packhouse.adapters.models.http.client import Answer, Endpoint, Incoming, UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.adapters.models.http.sse import SseDecoder
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.errors import Refused
from packhouse.ports.models import Headers, Relayed, Sent

VERSION = "2023-06-01"
"""The version of the API that our own bodies are in; newer ones take no temperature."""

_VERSION_HEADER = b"anthropic-version"
_BETA_HEADER = b"anthropic-beta"


class _Type(msgspec.Struct, frozen=True):
    type: str = ""


_type = msgspec.json.Decoder(_Type)


class Anthropic:
    """`TextModel`, `TokenCounter` and `Relay` (dialect `anthropic`).

    `base_url` is what Anthropic's own clients call so: it ends before `/v1`, which is tolerated.
    """

    def __init__(
        self,
        base_url: str,
        *,
        client: UpstreamClient,
        api_key: str,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        lines = {"content-type": "application/json", "x-api-key": api_key} | dict(headers or {})
        base = base_url.rstrip("/").removesuffix("/v1")

        def endpoint(path: str, accept: str) -> Endpoint:
            return client.endpoint("POST", base + path, headers=lines | {"accept": accept}, timeouts=timeouts)

        self._whole = endpoint("/v1/messages", "application/json")
        self._streamed = endpoint("/v1/messages", "text/event-stream")
        self._count = endpoint("/v1/messages/count_tokens", "application/json")

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        body = messages_body(request, stream=False)
        return read_answer(_whole(await self._whole.call(body, sent, headers=_headers(request))))

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        body = messages_body(request, stream=True)
        reader = EventReader()
        async with aclosing(self.relay_stream(body, sent, headers=_headers(request))) as payloads:
            async for payload in payloads:
                for piece in reader.read(payload):
                    yield piece
        assert reader.ended is not None, "relay_stream refuses a stream without its end"
        yield reader.ended

    async def count_tokens(self, request: ChatRequest) -> int:
        return read_count(_whole(await self._count.call(count_body(request), _nothing, headers=_headers(request))))

    async def relay(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> Relayed:
        answer = _whole(await self._whole.call(body, sent, headers=_versioned(headers)))
        if _type_of(answer) != "message":
            raise malformed()
        return Relayed(answer)

    async def relay_stream(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> AsyncGenerator[bytes, None]:
        decoder = SseDecoder()
        async with self._streamed.open(body, sent, headers=_versioned(headers)) as incoming:
            await _check(incoming)
            async for piece in incoming:
                for event in decoder.feed(piece):
                    kind = _type_of(event.data)
                    if kind == "error":
                        raise error_within(event.data)
                    if kind == "message_stop":
                        incoming.whole = True
                        yield event.data
                        return
                    yield event.data
        raise Refused("provider_cut", "The model's provider broke off in the middle of its answer.")


def _headers(request: ChatRequest) -> Headers:
    betas = betas_of(request)
    own = ((_VERSION_HEADER, VERSION.encode()),)
    return ((_BETA_HEADER, betas.encode()), *own) if betas else own


def _versioned(headers: Headers) -> Headers:
    """The caller's own version, where it named one."""
    if any(name == _VERSION_HEADER for name, _ in headers):
        return headers
    return (*headers, (_VERSION_HEADER, VERSION.encode()))


def _nothing() -> None:
    """Counting costs nothing."""


def _type_of(payload: bytes) -> str:
    """Reads the payload whole, so that what is no JSON is told at once."""
    try:
        return _type.decode(payload).type
    except UNREADABLE as error:
        raise malformed() from error


def _whole(answer: Answer) -> bytes:
    """The body of an answer with status 200; raises what any other answer means."""
    if answer.status != 200:
        raise refusal(answer.status, answer.body, retry_after=answer.header("retry-after"))
    return answer.body


async def _check(incoming: Incoming) -> None:
    if incoming.status != 200:
        raise refusal(incoming.status, await incoming.read(), retry_after=incoming.header("retry-after"))
    if not (incoming.header("content-type") or "").lower().startswith("text/event-stream"):
        raise malformed()
