"""What came of a stream so far: the estimate for one that ends before its provider says what it cost."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.services.gate import ANSWERED_WITHOUT_COST, Spending

ON_ITS_WAY = 32
"""Output tokens that a provider may have made beyond what was received when a stream is broken off."""


class Received:
    """Counts the output bytes of a stream: a token is at least one byte, so they bound the tokens."""

    __slots__ = ("_input_tokens", "_output_bytes", "tokens")

    def __init__(self, input_tokens: int) -> None:
        self._input_tokens = input_tokens
        self._output_bytes = 0
        self.tokens: ModelTokens | None = None

    def add(self, output_bytes: int) -> None:
        self._output_bytes += output_bytes

    def estimate(self) -> ModelTokens:
        return ModelTokens(self._input_tokens, self._output_bytes + ON_ITS_WAY)

    @asynccontextmanager
    async def booked_if_cut(self, spending: Spending) -> AsyncGenerator[None]:
        """A stream that breaks off is booked at what was received, or at what was reported before."""
        try:
            yield
        except BaseException as error:
            if spending.sent_already and not spending.settled:
                failed = isinstance(error, Exception)
                nothing = isinstance(error, Refused) and error.code in ANSWERED_WITHOUT_COST
                if not (nothing and self._output_bytes == 0):
                    spending.settle(
                        self.tokens, estimate=self.estimate(), outcome="failed" if failed else "cancelled"
                    )
            raise
