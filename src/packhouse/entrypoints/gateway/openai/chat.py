"""`POST /v1/chat/completions`, plain and streaming, grounded where the request names collections."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from packhouse.domain.chat import ChatPiece, ChatRequest, StreamEnd
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.events import event_stream
from packhouse.entrypoints.gateway.grounding import choices_of, packhouse_of
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.openai.body import RelayBody, decode_envelope
from packhouse.entrypoints.gateway.openai.errors import error_body
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.entrypoints.gateway.openai.usage import WithChoices
from packhouse.entrypoints.gateway.openai.wire import ChatEnvelope
from packhouse.entrypoints.gateway.openai.write import ChunkWriter, Heading, completion
from packhouse.ports.meter import Access, Meter
from packhouse.ports.outside import Clock, Ids
from packhouse.services.chat import Chat, Spender
from packhouse.services.grounded import GroundedChat, Grounds

DONE = b"[DONE]"

_choices = msgspec.json.Decoder(WithChoices)


class ChatRoute:
    """Chat completions in the OpenAI dialect."""

    def __init__(self, *, meter: Meter, chat: Chat, grounded: GroundedChat, clock: Clock, ids: Ids) -> None:
        self._meter = meter
        self._chat = chat
        self._grounded = grounded
        self._clock = clock
        self._ids = ids

    async def __call__(self, request: Request) -> Reply:
        access = await authorise(request, self._meter)
        envelope = decode_envelope(request.body)
        spender = Spender(access.pack("text_generation"), access.key_id)
        if envelope.packhouse is not None and envelope.packhouse.knowledge:
            return await self._with_knowledge(request, access, spender=spender, envelope=envelope)
        if self._chat.relays(spender.pack, envelope.model, dialect="openai"):
            return await self._relay(spender, RelayBody(request.body, envelope), envelope=envelope)
        return await self._neutral(spender, read_chat(request.body), envelope=envelope)

    async def _relay(self, spender: Spender, body: RelayBody, *, envelope: ChatEnvelope) -> Reply:
        if not envelope.stream:
            return Reply(body=await self._chat.relay(spender, body))
        payloads = await self._chat.relay_stream(spender, body)
        return await _stream(_relayed(payloads, include_usage=_include_usage(envelope)))

    async def _neutral(self, spender: Spender, asked: ChatRequest, *, envelope: ChatEnvelope) -> Reply:
        if not envelope.stream:
            answered = await self._chat.answer(spender, asked)
            return Reply(body=completion(self._heading(answered.model), answered.answer, tokens=answered.tokens))
        pieces = await self._chat.stream(spender, asked)
        writer = ChunkWriter(
            self._heading(self._chat.model_id(spender.pack, asked.model)), include_usage=_include_usage(envelope)
        )
        return await _stream(_written(pieces, writer, grounds=None))

    async def _with_knowledge(
        self, request: Request, access: Access, *, spender: Spender, envelope: ChatEnvelope
    ) -> Reply:
        assert envelope.packhouse is not None
        choices = choices_of(envelope.packhouse.knowledge)
        asked = read_chat(request.body)
        if not envelope.stream:
            grounded = await self._grounded.answer(access, spender, request=asked, choices=choices)
            body = completion(
                self._heading(grounded.answered.model),
                grounded.answered.answer,
                tokens=grounded.answered.tokens,
                packhouse=packhouse_of(grounded.grounds),
            )
            return Reply(body=body)
        pieces, grounds = await self._grounded.stream(access, spender, request=asked, choices=choices)
        writer = ChunkWriter(
            self._heading(self._chat.model_id(spender.pack, asked.model)), include_usage=_include_usage(envelope)
        )
        return await _stream(_written(pieces, writer, grounds=grounds))

    def _heading(self, model: str) -> Heading:
        return Heading(self._ids.new("chatcmpl"), self._clock.microseconds() // 1_000_000, model)


def _include_usage(envelope: ChatEnvelope) -> bool:
    return envelope.stream_options is not None and envelope.stream_options.include_usage


async def _stream(events: AsyncGenerator[bytes, None]) -> Reply:
    return await event_stream(events, error_event=lambda refused: b"data: " + error_body(refused) + b"\n\n")


async def _written(
    pieces: AsyncGenerator[ChatPiece, None], writer: ChunkWriter, *, grounds: Grounds | None
) -> AsyncGenerator[bytes, None]:
    tokens = ModelTokens()
    async with aclosing(pieces):
        yield writer.opening()
        async for piece in pieces:
            yield writer.piece(piece)
            if isinstance(piece, StreamEnd) and piece.tokens is not None:
                tokens = piece.tokens
    yield writer.closing(tokens, packhouse=packhouse_of(grounds) if grounds is not None else None)


async def _relayed(payloads: AsyncGenerator[bytes, None], *, include_usage: bool) -> AsyncGenerator[bytes, None]:
    """The provider's events; the usage that only we asked for is left out."""
    async with aclosing(payloads):
        async for payload in payloads:
            if payload == DONE or (not include_usage and b'"usage"' in payload and _is_usage_alone(payload)):
                continue
            yield b"data: " + payload + b"\n\n"
    yield b"data: [DONE]\n\n"  # after the call is settled, which happens when the payloads end


def _is_usage_alone(payload: bytes) -> bool:
    try:
        return not _choices.decode(payload).choices
    except msgspec.DecodeError:
        return False
