"""What a server in the OpenAI dialect answers, as far as we need it; everything may be missing or null."""

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens


class PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None

    @property
    def tokens(self) -> ModelTokens | None:
        """None where the server did not count; cached tokens are a class of their own."""
        if self.prompt_tokens is None:
            return None
        cached = (self.prompt_tokens_details.cached_tokens or 0) if self.prompt_tokens_details else 0
        cached = min(cached, self.prompt_tokens)
        return ModelTokens(self.prompt_tokens - cached, self.completion_tokens or 0, cache_read=cached)


class Function(Content, frozen=True):
    name: str | None = None
    arguments: str | None = None


class ToolCall(Content, frozen=True):
    id: str | None = None
    index: int | None = None
    function: Function = Function()


class Message(Content, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Content, frozen=True):
    message: Message = Message()
    delta: Message = Message()
    finish_reason: str | None = None


class Answer(Content, frozen=True):
    """A whole answer, or a chunk of a stream."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


class Embedding(Content, frozen=True):
    embedding: list[float] | str
    index: int = 0


class Embeddings(Content, frozen=True):
    data: list[Embedding]
    usage: Usage | None = None


class ErrorDetail(msgspec.Struct, frozen=True):
    message: str | None = None
    code: str | int | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    error: ErrorDetail | str | None = None
    message: str | None = None
    detail: str | None = None
