"""`POST /v1/messages`, plain and streaming, grounded where it names collections; and the count of its tokens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import msgspec

from packhouse.domain.chat import ChatPiece, ChatRequest, StreamEnd
from packhouse.entrypoints.gateway.anthropic.body import RelayBody, decode_envelope
from packhouse.entrypoints.gateway.anthropic.errors import error_event
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from packhouse.entrypoints.gateway.anthropic.stream import EventWriter
from packhouse.entrypoints.gateway.anthropic.wire import Envelope
from packhouse.entrypoints.gateway.anthropic.write import Heading, message
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.events import event_stream
from packhouse.entrypoints.gateway.grounding import choices_of, packhouse_of
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.ports.meter import Access, Meter
from packhouse.ports.outside import Ids
from packhouse.services.chat import Chat, Spender
from packhouse.services.grounded import GroundedChat, Grounds

BETAS = "anthropic-beta"


class Counted(msgspec.Struct, frozen=True):
    input_tokens: int


class MessagesRoute:
    """Messages in Anthropic's dialect."""

    def __init__(self, *, meter: Meter, chat: Chat, grounded: GroundedChat, ids: Ids) -> None:
        self._meter = meter
        self._chat = chat
        self._grounded = grounded
        self._ids = ids

    async def create(self, request: Request) -> Reply:
        access = await authorise(request, self._meter)
        envelope = decode_envelope(request.body)
        spender = Spender(access.pack("text_generation"), access.key_id)
        if envelope.packhouse is not None and envelope.packhouse.knowledge:
            reply = await self._with_knowledge(request, access, spender=spender, envelope=envelope)
        elif self._chat.relays(spender.pack, envelope.model, dialect="anthropic"):
            body = RelayBody(request.body, envelope, headers=request.headers)
            reply = await self._relay(request, spender, body=body, stream=bool(envelope.stream))
        else:
            reply = await self._neutral(request, spender, stream=bool(envelope.stream))
        reply.headers += ((b"request-id", request.id.encode()),)
        return reply

    async def count_tokens(self, request: Request) -> Reply:
        """At the provider, where it counts; it costs nothing."""
        access = await authorise(request, self._meter)
        asked = _asked(request)
        counted = await self._chat.count_tokens(access.pack("text_generation"), asked)
        return Reply(body=msgspec.json.encode(Counted(counted)), headers=((b"request-id", request.id.encode()),))

    async def _relay(self, request: Request, spender: Spender, *, body: RelayBody, stream: bool) -> Reply:
        if not stream:
            return Reply(body=await self._chat.relay(spender, body))
        return await _streamed(request, _relayed(await self._chat.relay_stream(spender, body)))

    async def _neutral(self, request: Request, spender: Spender, *, stream: bool) -> Reply:
        asked = _asked(request)
        if not stream:
            answered = await self._chat.answer(spender, asked)
            return Reply(body=message(self._heading(answered.model), answered.answer, tokens=answered.tokens))
        pieces = await self._chat.stream(spender, asked)
        heading = self._heading(self._chat.model_id(spender.pack, asked.model))
        return await _streamed(request, _written(pieces, EventWriter(heading), grounds=None))

    async def _with_knowledge(self, request: Request, access: Access, *, spender: Spender, envelope: Envelope) -> Reply:
        assert envelope.packhouse is not None
        choices = choices_of(envelope.packhouse.knowledge)
        asked = _asked(request)
        if not envelope.stream:
            grounded = await self._grounded.answer(access, spender, request=asked, choices=choices)
            answered = grounded.answered
            packhouse = packhouse_of(grounded.grounds)
            body = message(self._heading(answered.model), answered.answer, tokens=answered.tokens, packhouse=packhouse)
            return Reply(body=body)
        pieces, grounds = await self._grounded.stream(access, spender, request=asked, choices=choices)
        heading = self._heading(self._chat.model_id(spender.pack, asked.model))
        return await _streamed(request, _written(pieces, EventWriter(heading), grounds=grounds))

    def _heading(self, model: str) -> Heading:
        return Heading(self._ids.new("msg"), model)


def _asked(request: Request) -> ChatRequest:
    return read_messages(request.body, betas=request.headers.get(BETAS, ""))


async def _streamed(request: Request, events: AsyncGenerator[bytes, None]) -> Reply:
    return await event_stream(events, error_event=partial(error_event, request_id=request.id))


async def _written(
    pieces: AsyncGenerator[ChatPiece, None], writer: EventWriter, *, grounds: Grounds | None
) -> AsyncGenerator[bytes, None]:
    end: StreamEnd | None = None
    async with aclosing(pieces):
        yield writer.opening()
        async for piece in pieces:
            if isinstance(piece, StreamEnd):
                end = piece
            if event := writer.piece(piece):
                yield event
    assert end is not None, "a stream ends with its end, or with a refusal"
    yield writer.closing(end, packhouse=packhouse_of(grounds) if grounds is not None else None)


async def _relayed(payloads: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The provider's events, named anew by their own type."""
    async with aclosing(payloads):
        async for payload in payloads:
            yield b"event: " + _type_of(payload) + b"\ndata: " + payload + b"\n\n"


class _Named(msgspec.Struct, frozen=True):
    type: str = ""


_named = msgspec.json.Decoder(_Named)


def _type_of(payload: bytes) -> bytes:
    """Most payloads begin with it; white space and order are the provider's."""
    if payload.startswith(b'{"type":"'):
        return payload[9 : payload.index(b'"', 9)]
    return _named.decode(payload).type.encode()
