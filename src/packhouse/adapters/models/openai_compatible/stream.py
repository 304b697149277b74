"""From the chunks of a stream in the OpenAI dialect to neutral pieces."""

from collections.abc import Iterator

from packhouse.adapters.models.openai_compatible.answer import STOP
from packhouse.adapters.models.openai_compatible.wire import Answer, ToolCall
from packhouse.domain.chat import (
    ChatPiece,
    StopReason,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens


class StreamReader:
    """Reads one stream; the usage may come with the last choice, behind it, or not at all."""

    def __init__(self) -> None:
        self._reason: StopReason | None = None
        self._tokens: ModelTokens | None = None
        self._tools = set[int]()

    def feed(self, chunk: Answer) -> Iterator[ChatPiece]:
        if chunk.usage is not None and chunk.usage.tokens is not None:
            self._tokens = chunk.usage.tokens
        for choice in chunk.choices[:1]:
            delta = choice.delta
            if delta.reasoning_content:
                yield ThinkingDelta(delta.reasoning_content)
            text = delta.content or delta.refusal
            if text:
                yield TextDelta(text)
            for number, call in enumerate(delta.tool_calls or ()):
                yield from self._tool(call, number)
            if choice.finish_reason:
                self._reason = STOP.get(choice.finish_reason, "tool_use" if self._tools else "end")

    def end(self) -> StreamEnd:
        """Refused(provider_cut) where no chunk said why it stopped."""
        if self._reason is None:
            raise Refused("provider_cut", "The model's provider broke off in the middle of its answer.")
        return StreamEnd(self._reason, self._tokens)

    def _tool(self, call: ToolCall, number: int) -> Iterator[ChatPiece]:
        index = call.index if call.index is not None else number
        if index not in self._tools:
            self._tools.add(index)
            yield ToolUseStart(index, call.id or f"call_{index}", call.function.name or "")
        if call.function.arguments:
            yield ToolUseDelta(index, call.function.arguments)
