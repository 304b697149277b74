"""Consumption in the OpenAI dialect: what relayed answers report, and what written ones do."""

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.likely_tokens import LIKELY_PER_TOOL_CALL, likely_tokens
from packhouse.domain.openai_usage import OpenAIUsage
from packhouse.domain.units import ModelTokens


class Delta(Content, frozen=True):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"")


class _Called(Content, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(Content, frozen=True):
    function: _Called | None = None


_calls = msgspec.json.Decoder(list[_Call])


class Choice(Content, frozen=True):
    delta: Delta | None = None
    finish_reason: str | None = None


class Payload(Content, frozen=True):
    """A piece of a stream."""

    choices: tuple[Choice, ...] = ()
    usage: OpenAIUsage | None = None

    @property
    def likely_output(self) -> float:
        return sum(_likely_output(choice.delta) for choice in self.choices if choice.delta is not None)

    @property
    def final(self) -> bool:
        """Some servers report in every piece what was consumed so far: those that end nothing are not the last."""
        return all(choice.finish_reason is not None for choice in self.choices)


def _likely_output(delta: Delta) -> float:
    texts = (delta.content, delta.refusal, delta.reasoning_content, delta.reasoning)
    return _of_calls(bytes(delta.tool_calls)) + sum(likely_tokens(text) for text in texts if text)


def _of_calls(json: bytes) -> float:
    """The model writes names and arguments; what is not as we know it counts as it stands."""
    if json in (b"", b"null"):
        return 0
    try:
        called = [call.function or _Called() for call in _calls.decode(json)]
    except msgspec.DecodeError:
        return likely_tokens(json)
    begun = sum(LIKELY_PER_TOOL_CALL for each in called if each.name)
    return begun + sum(likely_tokens(text) for each in called for text in (each.name, each.arguments) if text)


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
