"""The ports over several endpoints: a call goes to one, and to another before its client has heard anything."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from packhouse.adapters.models.balanced.targets import Attempts, Targets
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.ports.models import EmbeddingsModel, Headers, Relay, Relayed, Sent, TextModel, TokenCounter

Adapter = TypeVar("Adapter")
Piece = TypeVar("Piece")
Result = TypeVar("Result")


class BalancedText:
    """`TextModel` over several."""

    def __init__(self, targets: Targets[TextModel]) -> None:
        self._targets = targets

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        return await _whole(self._targets.attempts(), lambda model: model.answer(request, sent))

    def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        return _streamed(self._targets.attempts(), lambda model: model.stream(request, sent))


class BalancedEmbeddings:
    """`EmbeddingsModel` over several."""

    def __init__(self, targets: Targets[EmbeddingsModel]) -> None:
        self._targets = targets

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
        return await _whole(self._targets.attempts(), lambda model: model.embed(request, sent))


class BalancedCounter:
    """`TokenCounter` over several."""

    def __init__(self, targets: Targets[TokenCounter]) -> None:
        self._targets = targets

    async def count_tokens(self, request: ChatRequest) -> int:
        return await _whole(self._targets.attempts(), lambda model: model.count_tokens(request))


class BalancedRelay:
    """`Relay` over several."""

    def __init__(self, targets: Targets[Relay]) -> None:
        self._targets = targets

    async def relay(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> Relayed:
        return await _whole(self._targets.attempts(), lambda relay: relay.relay(body, sent, headers=headers))

    def relay_stream(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> AsyncGenerator[bytes, None]:
        return _streamed(self._targets.attempts(), lambda relay: relay.relay_stream(body, sent, headers=headers))


async def _whole(attempts: Attempts[Adapter], call: Callable[[Adapter], Awaitable[Result]]) -> Result:
    while True:
        adapter = attempts.next()
        ended = False
        try:
            result = await call(adapter)
            ended = True
        except Refused as refused:
            ended = True
            await attempts.failed(refused)
            continue
        finally:
            if not ended:
                attempts.left()
        attempts.answered()
        return result


async def _streamed(
    attempts: Attempts[Adapter], call: Callable[[Adapter], AsyncGenerator[Piece, None]]
) -> AsyncGenerator[Piece, None]:
    while True:
        heard, ended = False, False
        try:
            async with aclosing(call(attempts.next())) as pieces:
                async for piece in pieces:
                    heard = True
                    yield piece
            ended = True
            attempts.answered()
            return
        except Refused as refused:
            ended = True
            if heard:
                attempts.broke(refused)
                raise
            await attempts.failed(refused)
        finally:
            if not ended:
                attempts.left()
