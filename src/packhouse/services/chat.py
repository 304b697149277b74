"""Chat on a pack's quota: hold the worst case, call the model, settle to what it reported."""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from functools import partial
from math import ceil

import msgspec

from packhouse.domain.catalog import DRAINED, Model
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Dialect, Part, Text, Thinking, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.estimate import input_bound
from packhouse.domain.likely_tokens import LIKELY_PER_TOOL_CALL, likely_input, likely_tokens
from packhouse.domain.units import KeyId, ModelTokens
from packhouse.ports.meter import Call, Pack
from packhouse.services.asking import Asking, RelayedBody, Reported
from packhouse.services.gate import Gate, Spending
from packhouse.services.models import Models
from packhouse.services.pump import Pumps
from packhouse.services.received import ON_ITS_WAY, Received, begun

__all__ = ["Answered", "Chat", "RelayedBody", "Reported", "Spender", "likely_output", "output_cap"]


class Spender(msgspec.Struct, frozen=True):
    """Whose quota a call is on, and by which key."""

    pack: Pack
    key_id: KeyId | None


class Answered(Content, frozen=True):
    """An answer with what was booked for it and the model (catalog id) that gave it."""

    answer: ChatAnswer
    tokens: ModelTokens
    model: str


class Chat:
    """Asks text models."""

    def __init__(self, gate: Gate, models: Models, *, pumps: Pumps) -> None:
        self._gate = gate
        self._models = models
        self._pumps = pumps

    def model_id(self, pack: Pack, asked: str) -> str:
        """The catalog's id of the model that the request's word means."""
        return self._models.resolve(pack, asked).id

    def takes_tools(self, pack: Pack, asked: str) -> bool:
        """Whether the model calls tools by itself."""
        return self._models.resolve(pack, asked).tools

    def continues(self, pack: Pack, asked: str) -> bool:
        """Whether the model is a small one of the installation's own, which goes on with an answer begun for it."""
        return self._models.resolve(pack, asked).provider == "local"

    def relays(self, pack: Pack, asked: str, *, dialect: Dialect) -> bool:
        """Whether the model's server speaks the dialect, so that bodies travel on as they are."""
        return self._models.relay(pack, self._models.resolve(pack, asked), dialect=dialect) is not None

    async def count_tokens(self, pack: Pack, request: ChatRequest) -> int:
        """The input tokens of a request, counted at its provider, at no cost. Refused(unsupported) where it does not
        count, model_unknown, provider_*."""
        model = self._models.resolve(pack, request.model)
        counter = self._models.counter(pack, model)
        if counter is None:
            raise Refused("unsupported", f"The provider of {model.name} counts no tokens before a call.", field="model")
        cap = output_cap(model, request.output_tokens_max)
        name = self._models.provider_model(pack, model)
        return await counter.count_tokens(msgspec.structs.replace(request, model=name, output_tokens_max=cap))

    async def answer(self, spender: Spender, request: ChatRequest) -> Answered:
        """A whole answer. Refused: quota_exhausted, model_unknown, provider_*, unsupported, …"""
        model = self._models.resolve(spender.pack, request.model)
        call = self._answer(spender, model, request=request)
        return await self._pumps.whole(call, drain=self._drained(spender.pack, model))

    async def _answer(self, spender: Spender, model: Model, *, request: ChatRequest) -> Answered:
        bound = input_bound(request)
        spending = await self._enter(spender, model, input_tokens=bound, output_tokens=request.output_tokens_max)
        with spending:
            asking = Asking(self._models, spender.pack, model=model, spending=spending)
            answer = await asking.answer(request)
            booked = spending.settle(answer.tokens, estimate=_likely(asking.model, request, answer=answer))
        return Answered(answer, booked, asking.model.id)

    async def stream(self, spender: Spender, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        """Begun when this returns: a refusal before the first piece is raised here. Then the pieces as they
        come, the last one a `StreamEnd` that says what was booked. Closing the generator ends the call, booked at
        what was received, or lets it be read to its end where its provider bills the whole."""
        model = self._models.resolve(spender.pack, request.model)
        bound = input_bound(request)
        spending = await self._enter(spender, model, input_tokens=bound, output_tokens=request.output_tokens_max)
        asking = Asking(self._models, spender.pack, model=model, spending=spending)
        received = Received(partial(_likely_input, model, request))
        pieces = _metered(asking.stream(request), spending, received=received)
        return await begun(self._pumps.pieces(pieces, drain=self._drained(spender.pack, model)))

    def relay(self, spender: Spender, body: RelayedBody) -> Awaitable[bytes]:
        """The provider's answer as it came."""
        model = self._models.resolve(spender.pack, body.model)
        return self._pumps.whole(self._relay(spender, model, body=body), drain=self._drained(spender.pack, model))

    async def _relay(self, spender: Spender, model: Model, *, body: RelayedBody) -> bytes:
        spending = await self._enter(spender, model, input_tokens=body.input_tokens, output_tokens=body.output_tokens)
        with spending:
            answer = await Asking(self._models, spender.pack, model=model, spending=spending).relay(body)
            reported = body.reported(answer, None)
            tokens = reported.tokens if reported else None
            estimate = tokens or ModelTokens(body.likely_input(), ceil(likely_tokens(answer)))
            spending.settle(tokens, estimate=estimate)
        return answer

    async def relay_stream(self, spender: Spender, body: RelayedBody) -> AsyncGenerator[bytes, None]:
        """As `stream`, with the payload of each of the provider's events as it comes."""
        model = self._models.resolve(spender.pack, body.model)
        spending = await self._enter(spender, model, input_tokens=body.input_tokens, output_tokens=body.output_tokens)
        asking = Asking(self._models, spender.pack, model=model, spending=spending)
        payloads = _relayed(asking.relay_stream(body), spending, body=body)
        return await begun(self._pumps.pieces(payloads, drain=self._drained(spender.pack, model)))

    def _drained(self, pack: Pack, model: Model) -> bool:
        return self._models.provider(pack, model) in DRAINED

    def _enter(
        self, spender: Spender, model: Model, *, input_tokens: int, output_tokens: int | None
    ) -> Awaitable[Spending]:
        return self._gate.enter(
            Call(
                pack=spender.pack,
                key_id=spender.key_id,
                model=model.id,
                operation="chat",
                input_tokens=input_tokens,
                output_tokens=output_cap(model, output_tokens),
            )
        )


async def _metered(
    source: AsyncGenerator[ChatPiece, None], spending: Spending, *, received: Received
) -> AsyncGenerator[ChatPiece, None]:
    with spending, received.booked_if_cut(spending):
        async with aclosing(source) as pieces:
            async for piece in pieces:
                if isinstance(piece, StreamEnd):
                    booked = spending.settle(piece.tokens, estimate=received.estimate())
                    yield msgspec.structs.replace(piece, tokens=booked)
                    return
                received.add(likely_output(piece))
                yield piece
        raise Refused("provider_cut", "The model's answer broke off before its end.")


async def _relayed(
    source: AsyncGenerator[bytes, None], spending: Spending, *, body: RelayedBody
) -> AsyncGenerator[bytes, None]:
    received = Received(body.likely_input)
    with spending, received.booked_if_cut(spending):
        async with aclosing(source) as payloads:
            async for payload in payloads:
                received.add(body.likely_output_of(payload))
                reported = body.reported(payload, received.tokens)
                if reported is not None:
                    received.tokens, received.final = reported.tokens, reported.final
                yield payload
        spending.settle(received.tokens if received.final else None, estimate=received.estimate())


def _likely(model: Model, request: ChatRequest, *, answer: ChatAnswer) -> ModelTokens:
    """Not a byte of it is read where the provider said what it cost."""
    if answer.tokens is not None:
        return answer.tokens
    return ModelTokens(_likely_input(model, request), ceil(sum(map(likely_output, answer.parts))) + ON_ITS_WAY)


def _likely_input(model: Model, request: ChatRequest) -> int:
    return likely_input(request, is_plain=model.provider == "openai_compatible")


def output_cap(model: Model, asked: int | None) -> int:
    """The cap that is sent to the provider: what the caller asks, else the model's default."""
    if asked is None:
        return min(model.output_tokens_default, model.output_tokens_max or model.output_tokens_default)
    if asked < 1:
        raise Refused("invalid_request", f"The output cap must be at least 1, not {asked}.", field="max_tokens")
    if model.output_tokens_max and asked > model.output_tokens_max:
        raise Refused(
            "invalid_request",
            f"{model.id} answers with at most {model.output_tokens_max:,} tokens; {asked:,} were asked for. "
            "Lower the output cap.",
            field="max_tokens",
            output_tokens_max=model.output_tokens_max,
        )
    return asked


def likely_output(output: ChatPiece | Part) -> float:
    """The tokens of what a model wrote, most likely. Counts for what no provider reported."""
    match output:
        case Text(text=text) | TextDelta(text=text) | Thinking(text=text) | ThinkingDelta(text=text):
            return likely_tokens(text)
        case ToolUse(name=name, arguments=arguments):
            return LIKELY_PER_TOOL_CALL + likely_tokens(name) + likely_tokens(arguments)
        case ToolUseStart(name=name):
            return LIKELY_PER_TOOL_CALL + likely_tokens(name)
        case ToolUseDelta(arguments=arguments):
            return likely_tokens(arguments)
        case _:
            return 0
