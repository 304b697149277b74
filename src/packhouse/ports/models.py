"""What we need from providers of models."""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest
from packhouse.domain.content import Content
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest

Sent = Callable[[], None]
"""Called once, just before the first byte of the call leaves for the provider: from then on it may cost."""


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
    """An embeddings model; raises as `TextModel` does. Batches of any size are split inside, order is kept."""

    async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer: ...


class Relayed(Content, frozen=True):
    """A provider's answer that travels on as it came: the OpenAI dialect to an OpenAI-compatible server."""

    body: bytes


class OpenAIRelay(Protocol):
    """The short road for bodies that are in the provider's dialect already: bytes in, bytes out."""

    async def relay(self, body: bytes, sent: Sent) -> Relayed:
        """The whole answer with status 200; anything else raises `Refused`."""
        ...

    def relay_stream(self, body: bytes, sent: Sent) -> AsyncGenerator[bytes, None]:
        """Each server-sent event's `data` payload (without the prefix), `[DONE]` included, as it comes."""
        ...
