"""Anthropic's requests as they are on the wire. Names are the wire's; unknown fields of blocks are ignored.

Content blocks stay raw until their `type` is known: what the neutral chat has no part for travels whole.
"""

from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.entrypoints.gateway.grounding import PackhouseOptions


class CacheControl(msgspec.Struct, frozen=True):
    type: str = "ephemeral"
    ttl: str | None = None


class Typed(Content, frozen=True):
    """What is known of a block or a tool before its own struct is chosen; a tool's type may be null."""

    type: str | None = None
    cache_control: CacheControl | None = None


class InCitation(Content, frozen=True):
    """Every kind of citation in one; `type` says which fields count."""

    type: str
    cited_text: str = ""
    document_index: int = 0
    document_title: str | None = None
    start_char_index: int = 0
    end_char_index: int = 0
    start_page_number: int = 0
    end_page_number: int = 0
    start_block_index: int = 0
    end_block_index: int = 0
    search_result_index: int = 0
    source: str = ""
    title: str | None = None
    url: str = ""
    encrypted_index: str = ""


class TextBlock(Content, frozen=True):
    text: str
    citations: list[InCitation] | None = None


class Source(Content, frozen=True):
    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""
    content: str | list[msgspec.Raw] = ""


class Citable(msgspec.Struct, frozen=True):
    enabled: bool = False


class MediaBlock(Content, frozen=True):
    """An image or a document."""

    source: Source
    title: str | None = None
    context: str | None = None
    citations: Citable | None = None


class SearchBlock(Content, frozen=True):
    source: str
    title: str
    content: list[TextBlock]
    citations: Citable | None = None


class ThinkingBlock(Content, frozen=True):
    thinking: str
    signature: str = ""


class RedactedBlock(Content, frozen=True):
    data: str


class Caller(msgspec.Struct, frozen=True):
    """Who called a tool: the model itself, or what it wrote and its provider ran."""

    type: str = "direct"


class ToolUseBlock(Content, frozen=True):
    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"{}")
    caller: Caller | None = None
    toolset_name: str | None = None


class ToolResultBlock(Content, frozen=True):
    tool_use_id: str
    content: str | list[msgspec.Raw] | None = None
    is_error: bool | None = None
    toolset_name: str | None = None


class WireMessage(Content, frozen=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[msgspec.Raw]


class CustomTool(Content, frozen=True):
    name: str
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw(b'{"type":"object","properties":{}}')
    strict: bool | None = None
    defer_loading: bool | None = None


class WireToolChoice(msgspec.Struct, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool = False


class WireThinking(msgspec.Struct, frozen=True):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int = 0
    display: str | None = None


class Format(Content, frozen=True):
    type: Literal["json_schema"]
    schema: msgspec.Raw


class OutputConfig(Content, frozen=True):
    effort: str | None = None
    format: Format | None = None


class Metadata(Content, frozen=True):
    user_id: str | None = None


class Envelope(Content, frozen=True):
    """What must be known of a body that travels on as it is; its messages stay raw."""

    messages: msgspec.Raw
    model: str = "default"
    stream: bool | None = None
    max_tokens: int | None = None
    packhouse: PackhouseOptions | None = None
    thread: msgspec.Raw = msgspec.Raw(b"null")
    fallbacks: msgspec.Raw = msgspec.Raw(b"null")
    inference_geo: msgspec.Raw = msgspec.Raw(b"null")


class MessagesBody(Content, frozen=True):
    """A whole body, for everything that is not relayed."""

    messages: list[WireMessage]
    model: str = "default"
    max_tokens: int | None = None
    system: str | list[msgspec.Raw] | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: WireToolChoice | None = None
    thinking: WireThinking | None = None
    output_config: OutputConfig | None = None
    metadata: Metadata | None = None
    cache_control: CacheControl | None = None
