"""The front door of the synchronous connector."""

from collections.abc import Sequence
from types import TracebackType
from typing import Unpack, overload

import httpx

from packhouse_connector import http
from packhouse_connector.core import embedding, key_report, knowledge_calls
from packhouse_connector.core.call import Operation
from packhouse_connector.core.chat import Answer, ChatOptions, MessageLike
from packhouse_connector.core.chat_wire import ask, ask_streaming
from packhouse_connector.core.embedding import Embedding, Embeddings
from packhouse_connector.core.key_report import KeyReport, Model
from packhouse_connector.core.knowledge_calls import KnowledgeCalls
from packhouse_connector.core.retry import SENSIBLE, Retries
from packhouse_connector.errors import KeyWrongType
from packhouse_connector.sync.chat import ChatStream, Conversation
from packhouse_connector.sync.knowledge import KnowledgeBase
from packhouse_connector.sync.transport import T, Transport


class Packhouse:
    """Everything that a key opens: chat, embeddings, knowledge.

    `connection_string` is the whole configuration; left out, `PACKHOUSE_CONNECTION_STRING` is read. The server
    may be silent for `timeout_seconds`. `retries` says how often what is safe is tried again. `client` is an
    httpx client of your own, for proxies or certificates; its time limits hold, and you close it.

    May be used by many threads at once, and keeps its connections open: make one and keep it. All that it
    raises on purpose is a `PackhouseError`.
    """

    def __init__(
        self,
        connection_string: str | None = None,
        *,
        timeout_seconds: float = 300.0,
        retries: Retries = SENSIBLE,
        client: httpx.Client | None = None,
    ) -> None:
        self._transport = Transport(
            http.configured(connection_string),
            client or httpx.Client(timeout=http.timeout(timeout_seconds)),
            retries=retries,
            owned=client is None,
        )

    def chat(
        self,
        question: str | None = None,
        *,
        messages: Sequence[MessageLike] = (),
        **options: Unpack[ChatOptions],
    ) -> Answer:
        """One answer. `messages` is what was said before; with no `question`, its last one is the question."""
        return self._transport.run(ask(question, messages, options=options))

    def chat_stream(
        self,
        question: str | None = None,
        *,
        messages: Sequence[MessageLike] = (),
        **options: Unpack[ChatOptions],
    ) -> ChatStream:
        """The same, piece by piece as it is written; the stream's `answer` is the whole of it at the end."""
        return ChatStream(self._transport, ask_streaming(question, messages, options=options))

    def conversation(self, *, messages: Sequence[MessageLike] = (), **options: Unpack[ChatOptions]) -> Conversation:
        """A chat that remembers; `options` hold for all its questions, `messages` is what was said before."""
        return Conversation(self._transport, messages, options=options)

    @overload
    def embed(self, text: str, *, model: str | None = None, dimensions: int | None = None) -> Embedding: ...
    @overload
    def embed(
        self, text: list[str] | tuple[str, ...], *, model: str | None = None, dimensions: int | None = None
    ) -> Embeddings: ...
    def embed(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        model: str | None = None,
        dimensions: int | None = None,
    ) -> Embedding | Embeddings:
        """The vector of a text (a list of floats), or of each text in a list, in order and of any length."""
        if isinstance(text, str):
            return self._transport.run(embedding.embed(text, model=model, dimensions=dimensions))
        calls = embedding.embed_all(text, model=model, dimensions=dimensions)
        return embedding.joined(self._transport.run(call) for call in calls)

    @property
    def knowledge(self) -> KnowledgeBase:
        """The knowledge base that the key opens."""
        return KnowledgeBase(self._transport, KnowledgeCalls())

    def knowledge_base(self, resource_id: str) -> KnowledgeBase:
        """One of several knowledge bases that the key opens, by its id (`res_…`)."""
        return KnowledgeBase(self._transport, KnowledgeCalls((("resource", resource_id),)))

    def models(self) -> Sequence[Model]:
        """The models that calls with this key may name."""
        return self._transport.run(key_report.models())

    def test(self) -> KeyReport:
        """Tests the key, without spending anything, and says what it opens. Raises as every call does."""
        return KeyReport(self._opened(key_report.models()), self._opened(knowledge_calls.bases()))

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _opened(self, operation: Operation[tuple[T, ...]]) -> tuple[T, ...]:
        try:
            return self._transport.run(operation)
        except KeyWrongType:
            return ()

    def __enter__(self) -> "Packhouse":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Packhouse {self._transport.connection!r}>"
