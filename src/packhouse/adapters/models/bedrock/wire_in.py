"""Converse's bodies and events as Bedrock gives them.

Unknown fields are passed over, and any field that the service might leave out may be missing or null.
"""

from typing import Any

import msgspec

from packhouse.adapters.models.bedrock import wire
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens


class InUsage(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None

    def tokens(self) -> ModelTokens | None:
        """The dialect's input tokens are those that no cache had to do with."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return ModelTokens(
            self.input_tokens or 0,
            self.output_tokens or 0,
            cache_read=self.cache_read_input_tokens or 0,
            cache_write=self.cache_write_input_tokens or 0,
        )


class InMore(Content, frozen=True):
    """What was asked for beside: `/stop_sequence`, in the model's own spelling."""

    stop_sequence: str | None = None


class InMessage(Content, frozen=True):
    content: tuple[msgspec.Raw, ...] | None = None


class InOutput(Content, frozen=True):
    message: InMessage


class InAnswer(Content, frozen=True, rename="camel"):
    output: InOutput
    stop_reason: str
    usage: InUsage | None = None
    additional_model_response_fields: Any = None


class InImage(Content, frozen=True):
    format: str = ""
    source: wire.Source = wire.Source()


class InBlock(Content, frozen=True, rename="camel"):
    """A part of an answer, where it is one that we know."""

    text: str | None = None
    tool_use: wire.ToolUse | None = None
    image: InImage | None = None
    reasoning_content: wire.Reasoning | None = None
    citations_content: wire.CitedText | None = None


class InToolUseStart(Content, frozen=True, rename="camel"):
    tool_use_id: str
    name: str
    type: str | None = None


class InBlockStart(Content, frozen=True, rename="camel"):
    start: dict[str, msgspec.Raw] | None = None
    content_block_index: int = 0


class InToolUseDelta(Content, frozen=True):
    input: str | None = None


class InReasoningDelta(Content, frozen=True, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class InDelta(Content, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: InToolUseDelta | None = None
    reasoning_content: InReasoningDelta | None = None
    citation: wire.Citation | None = None


class InBlockDelta(Content, frozen=True, rename="camel"):
    delta: InDelta = InDelta()
    content_block_index: int = 0


class InRawDelta(Content, frozen=True):
    delta: dict[str, msgspec.Raw]


class InBlockStop(Content, frozen=True, rename="camel"):
    content_block_index: int = 0


class InStop(Content, frozen=True, rename="camel"):
    stop_reason: str
    additional_model_response_fields: Any = None


class InMetadata(Content, frozen=True):
    usage: InUsage | None = None


class InCount(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int
