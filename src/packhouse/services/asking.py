"""Puts a call to its model, or to the resource's fallback where the provider of that model fails.

One hold covers both: the record names the model that answered.
"""

from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Protocol

import msgspec

from packhouse.domain.catalog import Model
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.chat_part import Dialect
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.meter import Pack
from packhouse.ports.models import SAFE_TO_REPEAT, Headers, Relay, Relayed, TextModel
from packhouse.services.gate import Spending
from packhouse.services.models import Models


class Reported(msgspec.Struct, frozen=True):
    """What a provider reported so far; `final`: nothing more will come."""

    tokens: ModelTokens
    final: bool


class RelayedBody(Protocol):
    """A request body that can travel on as it is, to a provider that speaks its dialect."""

    dialect: Dialect
    headers: Headers
    model: str
    output_tokens: int | None
    input_tokens: int

    def likely_input(self) -> int:
        """What it is booked at where its provider does not say: no more than `input_tokens`."""
        ...

    def patched(self, *, model: str, output_tokens: int) -> bytes:
        """The body for the provider, changed only where these two differ."""
        ...

    def reported(self, payload: bytes, before: ModelTokens | None) -> Reported | None:
        """What an answer, or a piece of a stream, reports as consumed, over what earlier pieces did."""
        ...

    def likely_output_of(self, payload: bytes) -> float:
        """How many tokens of a piece of a stream are the model's own output, most likely."""
        ...


class Asking:
    """One admitted call. `model` is the one that is asked, in the end the one that answered."""

    __slots__ = ("_models", "_pack", "_spending", "model")

    def __init__(self, models: Models, pack: Pack, *, model: Model, spending: Spending) -> None:
        self._models = models
        self._pack = pack
        self._spending = spending
        self.model = model

    async def answer(self, request: ChatRequest) -> ChatAnswer:
        try:
            return await self._text().answer(self._for_provider(request), self._spending.sent)
        except Refused as refused:
            self._turn(refused)
        return await self._text().answer(self._for_provider(request), self._spending.sent)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatPiece, None]:
        heard = False
        try:
            async with aclosing(self._text().stream(self._for_provider(request), self._spending.sent)) as pieces:
                async for piece in pieces:
                    heard = True
                    yield piece
                return
        except Refused as refused:
            self._turn(refused, heard=heard)
        async with aclosing(self._text().stream(self._for_provider(request), self._spending.sent)) as pieces:
            async for piece in pieces:
                yield piece

    async def relay(self, body: RelayedBody) -> bytes:
        try:
            answer = await self._relayed(body)
        except Refused as refused:
            self._turn(refused, dialect=body.dialect)
            answer = await self._relayed(body)
        return answer.body

    async def relay_stream(self, body: RelayedBody) -> AsyncGenerator[bytes, None]:
        heard = False
        try:
            async with aclosing(self._payloads(body)) as payloads:
                async for payload in payloads:
                    heard = True
                    yield payload
                return
        except Refused as refused:
            self._turn(refused, heard=heard, dialect=body.dialect)
        async with aclosing(self._payloads(body)) as payloads:
            async for payload in payloads:
                yield payload

    def _turn(self, refused: Refused, *, heard: bool = False, dialect: Dialect | None = None) -> None:
        """To the fallback, or raises the refusal where there is none for it."""
        other = self._models.fallback(self._pack, self.model)
        if heard or other is None or refused.code not in SAFE_TO_REPEAT:
            raise refused
        if dialect is not None and self._models.relay(self._pack, other, dialect=dialect) is None:
            raise refused
        self.model = other
        self._spending.turn_to(other.id)

    def _text(self) -> TextModel:
        return self._models.text(self._pack, self.model)

    def _relayed(self, body: RelayedBody) -> Awaitable[Relayed]:
        return self._relay_for(body).relay(self._patched(body), self._spending.sent, headers=body.headers)

    def _payloads(self, body: RelayedBody) -> AsyncGenerator[bytes, None]:
        return self._relay_for(body).relay_stream(self._patched(body), self._spending.sent, headers=body.headers)

    def _relay_for(self, body: RelayedBody) -> Relay:
        relay = self._models.relay(self._pack, self.model, dialect=body.dialect)
        assert relay is not None, "asked only where relays() says so"
        return relay

    def _patched(self, body: RelayedBody) -> bytes:
        return body.patched(model=self._models.provider_model(self._pack, self.model), output_tokens=self._cap())

    def _for_provider(self, request: ChatRequest) -> ChatRequest:
        name = self._models.provider_model(self._pack, self.model)
        return msgspec.structs.replace(request, model=name, output_tokens_max=self._cap())

    def _cap(self) -> int:
        """What was granted, or what the fallback makes at most where that is less."""
        granted = self._spending.output_tokens
        return min(granted, self.model.output_tokens_max or granted)
