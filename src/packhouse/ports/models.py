"""What we need from providers of models."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest

Sent = Callable[[], None]
"""Called once, just before the first byte of the call leaves for the provider: from then on it may cost."""

Headers = tuple[tuple[bytes, bytes], ...]
"""Lower-case names with their values."""

SAFE_TO_REPEAT = frozenset({"provider_unreachable", "provider_throttled", "provider_failed"})
"""What a provider says before it has worked. What timed out or broke off may have been worked on, and billed: asked
again, there or elsewhere, it would be billed twice."""


class TextModel(Protocol):
    """A text model. `request.model` is the provider's own name; `output_tokens_max` is always set.

    Raises `Refused` with a `provider_*` code, `unsupported`, `context_exceeded` or `invalid_request`. A call
    that is cancelled leaves nothing running at a local model and closes the connection to a remote one.
    """

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer: ...

    def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        """Pieces as they come; the last one is a `StreamEnd`. Closing the generator ends the call."""
        ...


class EmbeddingsModel(Protocol):
    """An embeddings model; raises as `TextModel` does. Batches of any size are split inside, order is kept.

    What it cannot embed (images, numbers of a tokenizer, types of vectors) it refuses as `unsupported`.
    """

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer: ...


class TokenReader(Protocol):
    """Reads the numbers of the tokenizer that OpenAI's clients cut texts with before they send them."""

    async def read(self, inputs: Sequence[tuple[int, ...]]) -> list[str]:
        """A text for each input, in order. Refused: invalid_request (a number that is none of the tokenizer's),
        unsupported (this installation has not its vocabulary)."""
        ...


class TokenCounter(Protocol):
    """Counts the input tokens of a request at its provider, at no cost; raises as `TextModel` does."""

    async def count_tokens(self, request: ChatRequest) -> int: ...


class Relayed(Content, frozen=True):
    """A provider's answer that travels on as it came."""

    body: bytes


class Relay(Protocol):
    """The short road for bodies that are in the provider's dialect already: bytes in, bytes out.

    `headers` are those of the caller's that the dialect lets through (`anthropic-beta`, say).
    """

    async def relay(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> Relayed:
        """The whole answer with status 200; anything else raises `Refused`."""
        ...

    def relay_stream(self, body: bytes, sent: Sent, *, headers: Headers = ()) -> AsyncGenerator[bytes, None]:
        """Each server-sent event's `data` payload (without the prefix), as it comes; in OpenAI's dialect the last
        one is `[DONE]`, in Anthropic's the `message_stop` event."""
        ...
