"""Consumption in the OpenAI dialect: what relayed answers report, and what written ones do."""

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.openai_usage import OpenAIUsage
from packhouse.domain.units import ModelTokens


class Delta(Content, frozen=True):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"")


class Choice(Content, frozen=True):
    delta: Delta | None = None
    finish_reason: str | None = None


class Payload(Content, frozen=True):
    """A piece of a stream."""

    choices: tuple[Choice, ...] = ()
    usage: OpenAIUsage | None = None

    @property
    def output_bytes(self) -> int:
        return sum(_bytes_of(choice.delta) for choice in self.choices if choice.delta is not None)

    @property
    def final(self) -> bool:
        """Some servers report in every piece what was consumed so far: those that end nothing are not the last."""
        return all(choice.finish_reason is not None for choice in self.choices)


def _bytes_of(delta: Delta) -> int:
    texts = (delta.content, delta.refusal, delta.reasoning_content, delta.reasoning)
    return len(bytes(delta.tool_calls)) + sum(len(text.encode()) for text in texts if text)


class Reports(Content, frozen=True):
    """What a whole answer says of consumption."""

    usage: OpenAIUsage | None = None


class UsageDetails(msgspec.Struct, frozen=True):
    cached_tokens: int
    cache_write_tokens: int


class WireUsage(msgspec.Struct, frozen=True):
    """Prompt tokens are all of the input, those read from a cache and those written to one included."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: UsageDetails


def wire_usage(tokens: ModelTokens) -> WireUsage:
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    details = UsageDetails(tokens.cache_read, tokens.cache_write)
    return WireUsage(prompt, tokens.output, prompt + tokens.output, details)
