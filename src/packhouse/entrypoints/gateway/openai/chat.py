"""`POST /v1/chat/completions`, plain and streaming, grounded where the request names collections."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from packhouse.domain.chat import ChatPiece, ChatRequest, StreamEnd
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.events import event_stream
from packhouse.entrypoints.gateway.grounding import choices_of, packhouse_of
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.openai.body import RelayBody, decode_envelope
from packhouse.entrypoints.gateway.openai.errors import error_body
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.entrypoints.gateway.openai.relayed import completed, events
from packhouse.entrypoints.gateway.openai.stream import ChunkWriter
from packhouse.entrypoints.gateway.openai.wire import ChatEnvelope
from packhouse.entrypoints.gateway.openai.write import Heading, completion
from packhouse.ports.meter import Access, Meter
from packhouse.ports.outside import Clock, Ids
from packhouse.services.chat import Chat, Spender
from packhouse.services.grounded import GroundedChat, Grounds


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
            return Reply(body=completed(await self._chat.relay(spender, body)))
        payloads = await self._chat.relay_stream(spender, body)
        return await _stream(events(payloads, include_usage=envelope.include_usage))

    async def _neutral(self, spender: Spender, asked: ChatRequest, *, envelope: ChatEnvelope) -> Reply:
        if not envelope.stream:
            answered = await self._chat.answer(spender, asked)
            return Reply(body=completion(self._heading(answered.model), answered.answer, tokens=answered.tokens))
        pieces = await self._chat.stream(spender, asked)
        return await _stream(_written(pieces, self._writer(spender, envelope), grounds=None))

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
        return await _stream(_written(pieces, self._writer(spender, envelope), grounds=grounds))

    def _writer(self, spender: Spender, envelope: ChatEnvelope) -> ChunkWriter:
        model = self._chat.model_id(spender.pack, envelope.model)
        return ChunkWriter(self._heading(model), include_usage=envelope.include_usage)

    def _heading(self, model: str) -> Heading:
        return Heading(self._ids.new("chatcmpl"), self._clock.microseconds() // 1_000_000, model)


async def _stream(events: AsyncGenerator[bytes, None]) -> Reply:
    return await event_stream(events, error_event=lambda refused: b"data: " + error_body(refused) + b"\n\n")


async def _written(
    pieces: AsyncGenerator[ChatPiece, None], writer: ChunkWriter, *, grounds: Grounds | None
) -> AsyncGenerator[bytes, None]:
    tokens = ModelTokens()
    async with aclosing(pieces):
        yield writer.opening()
        async for piece in pieces:
            if event := writer.piece(piece):
                yield event
            if isinstance(piece, StreamEnd) and piece.tokens is not None:
                tokens = piece.tokens
    yield writer.closing(tokens, packhouse=packhouse_of(grounds) if grounds is not None else None)
