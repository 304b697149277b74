"""Requests as Anthropic's API takes them; what it does not know at the top it refuses."""

from typing import Any

import msgspec


class CacheControl(msgspec.Struct, frozen=True):
    type: str
    ttl: str = "5m"


class Source(msgspec.Struct, frozen=True):
    type: str
    data: str = ""
    media_type: str = ""
    url: str = ""
    file_id: str = ""
    content: Any = None


class Block(msgspec.Struct, frozen=True, rename={"input_": "input"}):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input_: Any = None
    tool_use_id: str = ""
    content: Any = None
    is_error: bool | None = None
    source: Source | str | None = None
    title: str | None = None
    context: str | None = None
    citations: Any = None
    cache_control: CacheControl | None = None


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[Block]


class ToolSpec(msgspec.Struct, frozen=True):
    name: str
    type: str | None = None
    description: str = ""
    input_schema: Any = None
    cache_control: CacheControl | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(msgspec.Struct, frozen=True):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(msgspec.Struct, frozen=True, rename={"schema_": "schema"}):
    type: str
    schema_: Any = None


class OutputConfig(msgspec.Struct, frozen=True, rename={"format_": "format"}):
    format_: OutputFormat | None = None
    effort: str | None = None


class MessagesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str = ""
    messages: list[Message]
    max_tokens: int | None = None
    system: str | list[Block] | None = None
    tools: list[ToolSpec] | None = None
    tool_choice: ToolChoice | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    metadata: Any = None
    service_tier: str | None = None
    cache_control: CacheControl | None = None
    container: Any = None
    context_management: Any = None
    mcp_servers: Any = None
    inference_geo: str | None = None
    speed: str | None = None
    anthropic_version: str | None = None
    anthropic_beta: list[str] | None = None
