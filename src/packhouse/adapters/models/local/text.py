"""The text model that runs inside the installation."""

import secrets
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from packhouse.adapters.models.local.generation import Generation
from packhouse.adapters.models.local.llama import Chunk, Failure, Llama, State
from packhouse.adapters.models.local.prompt import body_of
from packhouse.adapters.models.local.stops import Stops
from packhouse.adapters.models.local.tools import Toolbox, chosen, toolbox_of
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    StopReason,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Part, Text, Thinking, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import Sent


class LocalTextModel:
    """A `TextModel` on llama.cpp: loads at the first call, then answers `llama.slots` calls at once; more wait.

    Text, JSON by schema, and tools (by emulation, one call at a time); images and files are `unsupported`. What
    it reports as consumed is what llama.cpp counted.
    """

    def __init__(self, llama: Llama) -> None:
        self._llama = llama
        self._threads = ThreadPoolExecutor(llama.slots, thread_name_prefix="local-text")

    @property
    def state(self) -> State:
        """Whether the model is in memory."""
        return self._llama.state

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        parts: list[Part] = []
        async with aclosing(self.stream(request, sent)) as pieces:
            async for piece in pieces:
                if isinstance(piece, StreamEnd):
                    return ChatAnswer(tuple(parts), piece.stop_reason, piece.tokens)
                _add(parts, piece)
        raise Refused("provider_cut", "The local model's answer broke off before its end.")

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        toolbox = toolbox_of(request)
        generation = Generation(self._llama, body_of(request, toolbox))
        async with aclosing(generation.run(self._threads, sent)) as chunks:
            pieces = _tool_pieces(chunks, toolbox) if toolbox else _text_pieces(chunks, Stops(request.stop))
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece

    def close(self) -> None:
        """End what runs; after it every call is refused. Blocks for the token in work."""
        self._llama.close()
        self._threads.shutdown(wait=True, cancel_futures=True)


async def _text_pieces(chunks: AsyncGenerator[Chunk, None], stops: Stops) -> AsyncGenerator[ChatPiece, None]:
    so_far = _SoFar()
    async for chunk in chunks:
        so_far.add(chunk)
        if thought := "".join(choice.delta.reasoning_content or "" for choice in chunk.choices):
            yield ThinkingDelta(thought)
        if text := stops.push(_text(chunk)):
            yield TextDelta(text)
        if stops.hit:
            yield StreamEnd("stop_sequence", so_far.tokens)
            return
    if rest := stops.rest():
        yield TextDelta(rest)
    yield StreamEnd(so_far.stop_reason, so_far.tokens)


async def _tool_pieces(chunks: AsyncGenerator[Chunk, None], toolbox: Toolbox) -> AsyncGenerator[ChatPiece, None]:
    """Whether it is a call or an answer shows only at the end, so everything comes then."""
    so_far = _SoFar()
    written: list[str] = []
    async for chunk in chunks:
        so_far.add(chunk)
        written.append(_text(chunk))
    match chosen("".join(written), f"call_{secrets.token_hex(12)}"):
        case Text(text=text):
            yield TextDelta(text)
        case ToolUse(id=id_, name=name, arguments=arguments):
            yield ToolUseStart(0, id_, name)
            yield ToolUseDelta(0, arguments)
            so_far.stop_reason = "tool_use"
        case _:
            so_far.stop_reason = "length"
    yield StreamEnd(so_far.stop_reason, so_far.tokens)


class _SoFar:
    """What the events have told: why it stopped, what was consumed."""

    def __init__(self) -> None:
        self.stop_reason: StopReason = "end"
        self.tokens: ModelTokens | None = None

    def add(self, chunk: Chunk) -> None:
        """Refused, where the event is an error."""
        if chunk.error:
            raise _refusal(chunk.error)
        if any(choice.finish_reason == "length" for choice in chunk.choices):
            self.stop_reason = "length"
        if chunk.usage:
            self.tokens = ModelTokens(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        elif chunk.timings:
            timings = chunk.timings
            self.tokens = ModelTokens(timings.cache_n + timings.prompt_n, timings.predicted_n)


def _text(chunk: Chunk) -> str:
    return "".join(choice.delta.content or "" for choice in chunk.choices)


def _refusal(failure: Failure) -> Refused:
    if failure.type == "exceed_context_size_error":
        return Refused(
            "context_exceeded",
            f"The conversation has {failure.n_prompt_tokens:,} tokens; the local text model takes "
            f"{failure.n_ctx:,} with its answer. Shorten it.",
            input_tokens=failure.n_prompt_tokens,
            context_tokens=failure.n_ctx,
        )
    if failure.type == "invalid_request_error":
        return Refused("invalid_request", "The local model's runtime does not take the request.")
    if "context size" in failure.message.lower():
        return Refused("unavailable", "The local text model is full with long conversations at the moment; try again.")
    return Refused("provider_failed", "The local text model failed.")


def _add(parts: list[Part], piece: ChatPiece) -> None:
    """Grow the answer by a piece."""
    last = parts[-1] if parts else None
    match piece, last:
        case TextDelta(text=text), Text(text=before):
            parts[-1] = Text(before + text)
        case TextDelta(text=text), _:
            parts.append(Text(text))
        case ThinkingDelta(text=text), Thinking(text=before):
            parts[-1] = Thinking(before + text)
        case ThinkingDelta(text=text), _:
            parts.append(Thinking(text))
        case ToolUseStart(id=id_, name=name), _:
            parts.append(ToolUse(id_, name, ""))
        case ToolUseDelta(arguments=arguments), ToolUse(id=id_, name=name, arguments=before):
            parts[-1] = ToolUse(id_, name, before + arguments)
        case _:
            raise AssertionError("a stream's end ends it")
