"""Requests as Bedrock's Converse takes them. A content block is a union: exactly one of its members is set."""

from typing import Any

import msgspec


class CachePoint(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    ttl: str | None = None


class Source(msgspec.Struct, frozen=True, rename="camel"):
    bytes: str | None = None
    s3_location: Any = None
    text: str | None = None
    content: Any = None


class Image(msgspec.Struct, frozen=True, rename="camel"):
    format: str
    source: Source


class Document(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    source: Source
    format: str = "txt"
    context: str | None = None
    citations: Any = None


class ToolUse(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str
    name: str
    input_: Any = msgspec.field(name="input")
    type: str | None = None


class ReasoningText(msgspec.Struct, frozen=True, rename="camel"):
    text: str
    signature: str | None = None


class Reasoning(msgspec.Struct, frozen=True, rename="camel"):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class CitationsContent(msgspec.Struct, frozen=True, rename="camel"):
    content: Any = None
    citations: Any = None


class Block(msgspec.Struct, frozen=True, rename="camel", kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    text: str | None = None
    image: Image | None = None
    document: Document | None = None
    video: Any = None
    audio: Any = None
    tool_use: ToolUse | None = None
    tool_result: "ToolResult | None" = None
    guard_content: Any = None
    cache_point: CachePoint | None = None
    reasoning_content: Reasoning | None = None
    citations_content: CitationsContent | None = None
    search_result: Any = None
    json: Any = None


class ToolResult(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str
    content: list[Block]
    status: str | None = None
    type: str | None = None


class Message(msgspec.Struct, frozen=True, rename="camel"):
    role: str
    content: list[Block]


class InferenceConfig(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class InputSchema(msgspec.Struct, frozen=True, rename="camel"):
    json: Any = None


class ToolSpec(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    input_schema: InputSchema
    description: str | None = None
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True, rename="camel"):
    tool_spec: ToolSpec | None = None
    system_tool: Any = None
    cache_point: CachePoint | None = None


class NamedTool(msgspec.Struct, frozen=True, rename="camel"):
    name: str


class ToolChoice(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    auto: dict[str, Any] | None = None
    any: dict[str, Any] | None = None
    tool: NamedTool | None = None


class ToolConfig(msgspec.Struct, frozen=True, rename="camel"):
    tools: list[Tool]
    tool_choice: ToolChoice | None = None


class JsonSchema(msgspec.Struct, frozen=True, rename="camel"):
    schema_: str = msgspec.field(name="schema")
    name: str | None = None
    description: str | None = None


class Structure(msgspec.Struct, frozen=True, rename="camel"):
    json_schema: JsonSchema | None = None


class TextFormat(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    structure: Structure


class OutputConfig(msgspec.Struct, frozen=True, rename="camel"):
    text_format: TextFormat | None = None
    effort: str | None = None


class ConverseBody(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    messages: list[Message] = []
    system: list[Block] | None = None
    inference_config: InferenceConfig | None = None
    tool_config: ToolConfig | None = None
    output_config: OutputConfig | None = None
    additional_model_request_fields: Any = None
    additional_model_response_field_paths: list[str] = []


class Counted(msgspec.Struct, frozen=True, rename="camel"):
    """The body of CountTokens: one of two forms."""

    body: str


class CountInput(msgspec.Struct, frozen=True, rename="camel"):
    invoke_model: Counted | None = None
    converse: ConverseBody | None = None


class CountBody(msgspec.Struct, frozen=True, rename="camel"):
    input_: CountInput = msgspec.field(name="input")
