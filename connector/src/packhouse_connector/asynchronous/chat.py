"""Streamed answers and conversations."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Unpack

from packhouse_connector.asynchronous.transport import AsyncTransport
from packhouse_connector.core.call import Call
from packhouse_connector.core.chat import Answer, ChatOptions, MessageLike, Turns
from packhouse_connector.core.chat_stream import ChatReader
from packhouse_connector.core.chat_wire import ask, ask_streaming
from packhouse_connector.core.usage import Usage


class AsyncChatStream:
    """An answer as it is written: iterate for the pieces of text, then take `answer`.

    The call is made when the first piece is asked for. It can be read once. A loop that may be left early
    belongs in `async with`, which ends the call.
    """

    def __init__(self, transport: AsyncTransport, call: Call, *, done: Callable[[Answer], None] | None = None) -> None:
        self._answer: Answer | None = None
        self._done = done
        self._pieces = self._read(transport, call)

    @property
    def answer(self) -> Answer:
        """The whole answer, with usage and references; after the last piece, RuntimeError before."""
        if self._answer is None:
            raise RuntimeError("the stream was not read to its end")
        return self._answer

    async def finish(self) -> Answer:
        """Reads what is left and returns the whole answer."""
        async for _ in self._pieces:
            pass
        return self.answer

    async def close(self) -> None:
        """Ends the call; without effect where the stream was read to its end."""
        await self._pieces.aclose()

    def __aiter__(self) -> AsyncIterator[str]:
        return self._pieces

    async def __aenter__(self) -> "AsyncChatStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _read(self, transport: AsyncTransport, call: Call) -> AsyncGenerator[str]:
        async with transport.opened(call) as (opening, chunks):
            reader = ChatReader(opening)
            async for chunk in chunks:
                for piece in reader.feed(chunk):
                    yield piece
        self._answer = reader.answer()
        if self._done is not None:
            self._done(self._answer)


class AsyncConversation:
    """A chat with history: each question goes with all that was said before.

    A question that fails leaves the history as it was. One conversation belongs to one task at a time.
    """

    def __init__(self, transport: AsyncTransport, messages: Sequence[MessageLike], *, options: ChatOptions) -> None:
        self._transport = transport
        self._turns = Turns(tuple(messages))
        self._options = options

    @property
    def messages(self) -> tuple[MessageLike, ...]:
        """What was said so far, without the system instructions: enough to go on elsewhere."""
        return self._turns.messages

    @property
    def usage(self) -> Usage:
        """What all answers of this conversation consumed together."""
        return self._turns.usage

    async def ask(self, question: str, **options: Unpack[ChatOptions]) -> Answer:
        """The next answer. `options` hold for this question, before those of the conversation."""
        answer = await self._transport.run(ask(question, self.messages, options={**self._options, **options}))
        self._turns = self._turns.after(question, answer)
        return answer

    def stream(self, question: str, **options: Unpack[ChatOptions]) -> AsyncChatStream:
        """The same, piece by piece. The history takes it in when the stream was read to its end."""

        def done(answer: Answer) -> None:
            self._turns = turns.after(question, answer)

        turns = self._turns
        call = ask_streaming(question, turns.messages, options={**self._options, **options})
        return AsyncChatStream(self._transport, call, done=done)
