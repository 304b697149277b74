"""Streamed answers and conversations."""

from collections.abc import Callable, Generator, Iterator, Sequence
from types import TracebackType
from typing import Unpack

from packhouse_connector.core.call import Call
from packhouse_connector.core.chat import Answer, ChatOptions, MessageLike, Turns
from packhouse_connector.core.chat_stream import ChatReader
from packhouse_connector.core.chat_wire import ask, ask_streaming
from packhouse_connector.core.usage import Usage
from packhouse_connector.sync.transport import Transport


class ChatStream:
    """An answer as it is written: iterate for the pieces of text, then take `answer`.

    The call is made when the first piece is asked for. It can be read once. A loop that may be left early
    belongs in `with`, which ends the call.
    """

    def __init__(self, transport: Transport, call: Call, *, done: Callable[[Answer], None] | None = None) -> None:
        self._answer: Answer | None = None
        self._done = done
        self._pieces = self._read(transport, call)

    @property
    def answer(self) -> Answer:
        """The whole answer, with usage and references; after the last piece, RuntimeError before."""
        if self._answer is None:
            raise RuntimeError("the stream was not read to its end")
        return self._answer

    def finish(self) -> Answer:
        """Reads what is left and returns the whole answer."""
        for _ in self._pieces:
            pass
        return self.answer

    def close(self) -> None:
        """Ends the call; without effect where the stream was read to its end."""
        self._pieces.close()

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    def __enter__(self) -> "ChatStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, transport: Transport, call: Call) -> Generator[str]:
        with transport.opened(call) as (opening, chunks):
            reader = ChatReader(opening)
            for chunk in chunks:
                yield from reader.feed(chunk)
        self._answer = reader.answer()
        if self._done is not None:
            self._done(self._answer)


class Conversation:
    """A chat with history: each question goes with all that was said before.

    A question that fails leaves the history as it was. One conversation belongs to one thread at a time.
    """

    def __init__(self, transport: Transport, messages: Sequence[MessageLike], *, options: ChatOptions) -> None:
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

    def ask(self, question: str, **options: Unpack[ChatOptions]) -> Answer:
        """The next answer. `options` hold for this question, before those of the conversation."""
        answer = self._transport.run(ask(question, self.messages, options={**self._options, **options}))
        self._turns = self._turns.after(question, answer)
        return answer

    def stream(self, question: str, **options: Unpack[ChatOptions]) -> ChatStream:
        """The same, piece by piece. The history takes it in when the stream was read to its end."""

        def done(answer: Answer) -> None:
            self._turns = turns.after(question, answer)

        turns = self._turns
        call = ask_streaming(question, turns.messages, options={**self._options, **options})
        return ChatStream(self._transport, call, done=done)
