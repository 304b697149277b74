"""What came of a stream so far: the estimate for one that ends before its provider says what it cost."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from math import ceil
from typing import Any, TypeVar

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.services.gate import ANSWERED_WITHOUT_COST, Spending

ON_ITS_WAY = 32
"""Output tokens that a provider may have made beyond what was received when a stream is broken off."""

Piece = TypeVar("Piece")


class Begun(AsyncGenerator[Piece, None]):
    """A generator whose first piece has come. It has begun, so closing it always runs its `finally`."""

    __slots__ = ("_first", "_last_words", "_pieces")

    def __init__(
        self, first: list[Piece], pieces: AsyncGenerator[Piece, None], *, last_words: Callable[[Refused], Piece] | None
    ) -> None:
        self._first = first
        self._pieces = pieces
        self._last_words = last_words

    async def asend(self, value: None) -> Piece:
        if self._first:
            return self._first.pop()
        try:
            return await self._pieces.asend(value)
        except Refused as refused:
            if self._last_words is None:
                raise
            return self._last_words(refused)  # the generator is finished: the next step ends the iteration

    async def athrow(self, *error: Any) -> Piece:
        return await self._pieces.athrow(*error)

    async def aclose(self) -> None:
        await self._pieces.aclose()


async def begun(
    pieces: AsyncGenerator[Piece, None], *, last_words: Callable[[Refused], Piece] | None = None
) -> AsyncGenerator[Piece, None]:
    """The generator after its first piece has come; what is raised before that is raised here.

    A generator that never began runs none of its `finally` when it is closed, so what it holds would be
    forgotten. A refusal that comes later is raised, or told as a last piece.
    """
    first = list[Piece]()
    async for piece in pieces:
        first.append(piece)
        break
    return Begun(first, pieces, last_words=last_words)


class Received:
    """Counts the output of a stream in likely tokens; `likely_input` is asked for the input where that is needed.

    `tokens` is what its provider reported so far, `final` whether nothing more will come.
    """

    __slots__ = ("_likely_input", "_output_tokens", "final", "tokens")

    def __init__(self, likely_input: Callable[[], int]) -> None:
        self._likely_input = likely_input
        self._output_tokens = 0.0
        self.tokens: ModelTokens | None = None
        self.final = False

    def add(self, output_tokens: float) -> None:
        self._output_tokens += output_tokens

    def estimate(self) -> ModelTokens:
        """What was reported of the input, where some was, and the likely output."""
        output = ceil(self._output_tokens) + ON_ITS_WAY
        if self.tokens is None:
            return ModelTokens(self._likely_input(), output)
        return msgspec.structs.replace(self.tokens, output=max(output, self.tokens.output))

    @contextmanager
    def booked_if_cut(self, spending: Spending) -> Generator[None]:
        """A stream that breaks off is booked at what was reported of all of it, or else at what was received."""
        try:
            yield
        except BaseException as error:
            if spending.sent_already and not spending.settled:
                failed = isinstance(error, Exception)
                nothing = isinstance(error, Refused) and error.code in ANSWERED_WITHOUT_COST
                if not (nothing and self._output_tokens == 0):
                    spending.settle(
                        self.tokens if self.final else None,
                        estimate=self.estimate(),
                        outcome="failed" if failed else "cancelled",
                    )
            raise
