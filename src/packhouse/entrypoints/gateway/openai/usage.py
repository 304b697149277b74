"""Consumption as the OpenAI dialect reports it."""

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens


class PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class WithUsage(Content, frozen=True):
    usage: Usage | None = None


class Delta(Content, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"")


class Choice(Content, frozen=True):
    delta: Delta = Delta()


class StreamPiece(Content, frozen=True):
    choices: tuple[Choice, ...] = ()

    @property
    def output_bytes(self) -> int:
        return sum(
            len((choice.delta.content or "").encode())
            + len((choice.delta.reasoning_content or "").encode())
            + len(bytes(choice.delta.tool_calls))
            for choice in self.choices
        )


def tokens_of(usage: Usage) -> ModelTokens:
    """Cached tokens are part of the dialect's prompt tokens, but a class of their own here."""
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
    cached = min(cached or 0, usage.prompt_tokens)
    return ModelTokens(usage.prompt_tokens - cached, usage.completion_tokens or 0, cache_read=cached)


class UsageDetails(msgspec.Struct, frozen=True):
    cached_tokens: int


class WireUsage(msgspec.Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: UsageDetails


def wire_usage(tokens: ModelTokens) -> WireUsage:
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    return WireUsage(prompt, tokens.output, prompt + tokens.output, UsageDetails(tokens.cache_read))


class WithChoices(Content, frozen=True):
    choices: tuple[msgspec.Raw, ...] = ()
