"""The front door of the asynchronous connector."""

from collections.abc import Sequence
from types import TracebackType
from typing import Unpack, overload

import httpx

from packhouse_connector import http
from packhouse_connector.asynchronous.chat import AsyncChatStream, AsyncConversation
from packhouse_connector.asynchronous.knowledge import AsyncKnowledgeBase
from packhouse_connector.asynchronous.transport import AsyncTransport, T
from packhouse_connector.core import embedding, key_report, knowledge_calls
from packhouse_connector.core.call import Operation
from packhouse_connector.core.chat import Answer, ChatOptions, MessageLike
from packhouse_connector.core.chat_wire import ask, ask_streaming
from packhouse_connector.core.embedding import Embedding, Embeddings
from packhouse_connector.core.key_report import KeyReport, Model
from packhouse_connector.core.knowledge_calls import KnowledgeCalls
from packhouse_connector.core.retry import SENSIBLE, Retries
from packhouse_connector.errors import KeyWrongType


class AsyncPackhouse:
    """Everything that a key opens: chat, embeddings, knowledge.

    `connection_string` is the whole configuration; left out, `PACKHOUSE_CONNECTION_STRING` is read. The server
    may be silent for `timeout_seconds`. `retries` says how often what is safe is tried again. `client` is an
    httpx client of your own, for proxies or certificates; its time limits hold, and you close it.

    May be used by many tasks of one event loop at once, and keeps its connections open: make one and keep it.
    All that it raises on purpose is a `PackhouseError`.
    """

    def __init__(
        self,
        connection_string: str | None = None,
        *,
        timeout_seconds: float = 300.0,
        retries: Retries = SENSIBLE,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._transport = AsyncTransport(
            http.configured(connection_string),
            client or httpx.AsyncClient(timeout=http.timeout(timeout_seconds)),
            retries=retries,
            owned=client is None,
        )

    async def chat(
        self,
        question: str | None = None,
        *,
        messages: Sequence[MessageLike] = (),
        **options: Unpack[ChatOptions],
    ) -> Answer:
        """One answer. `messages` is what was said before; with no `question`, its last one is the question."""
        return await self._transport.run(ask(question, messages, options=options))

    def chat_stream(
        self,
        question: str | None = None,
        *,
        messages: Sequence[MessageLike] = (),
        **options: Unpack[ChatOptions],
    ) -> AsyncChatStream:
        """The same, piece by piece as it is written; the stream's `answer` is the whole of it at the end."""
        return AsyncChatStream(self._transport, ask_streaming(question, messages, options=options))

    def conversation(
        self, *, messages: Sequence[MessageLike] = (), **options: Unpack[ChatOptions]
    ) -> AsyncConversation:
        """A chat that remembers; `options` hold for all its questions, `messages` is what was said before."""
        return AsyncConversation(self._transport, messages, options=options)

    @overload
    async def embed(self, text: str, *, model: str | None = None, dimensions: int | None = None) -> Embedding: ...
    @overload
    async def embed(
        self, text: list[str] | tuple[str, ...], *, model: str | None = None, dimensions: int | None = None
    ) -> Embeddings: ...
    async def embed(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        model: str | None = None,
        dimensions: int | None = None,
    ) -> Embedding | Embeddings:
        """The vector of a text (a list of floats), or of each text in a list, in order and of any length."""
        if isinstance(text, str):
            return await self._transport.run(embedding.embed(text, model=model, dimensions=dimensions))
        calls = embedding.embed_all(text, model=model, dimensions=dimensions)
        return embedding.joined([await self._transport.run(call) for call in calls])

    @property
    def knowledge(self) -> AsyncKnowledgeBase:
        """The knowledge base that the key opens."""
        return AsyncKnowledgeBase(self._transport, KnowledgeCalls())

    def knowledge_base(self, resource_id: str) -> AsyncKnowledgeBase:
        """One of several knowledge bases that the key opens, by its id (`res_…`)."""
        return AsyncKnowledgeBase(self._transport, KnowledgeCalls((("resource", resource_id),)))

    async def models(self) -> Sequence[Model]:
        """The models that calls with this key may name."""
        return await self._transport.run(key_report.models())

    async def test(self) -> KeyReport:
        """Tests the key, without spending anything, and says what it opens. Raises as every call does."""
        return KeyReport(await self._opened(key_report.models()), await self._opened(knowledge_calls.bases()))

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def _opened(self, operation: Operation[tuple[T, ...]]) -> tuple[T, ...]:
        try:
            return await self._transport.run(operation)
        except KeyWrongType:
            return ()

    async def __aenter__(self) -> "AsyncPackhouse":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncPackhouse {self._transport.connection!r}>"
