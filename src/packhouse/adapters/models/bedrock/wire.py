"""Converse's bodies as Bedrock takes them. Names are the wire's own, spelled our way.

The parts that requests and answers share are read and written by the same shapes.
"""

import msgspec

from packhouse.domain.content import Content


class Wire(Content, frozen=True, rename="camel", omit_defaults=True):
    """What has its default is not written."""


# parts of messages


class CachePoint(Wire, frozen=True):
    type: str
    ttl: str | None = None


class S3(Wire, frozen=True):
    uri: str


class Words(Wire, frozen=True):
    text: str | None = None


class Source(Wire, frozen=True):
    data: bytes | None = msgspec.field(default=None, name="bytes")
    s3_location: S3 | None = None
    content: tuple[Words, ...] | None = None


class Image(Wire, frozen=True):
    format: str
    source: Source


class Switch(Wire, frozen=True):
    enabled: bool


class Document(Wire, frozen=True):
    name: str
    source: Source
    format: str | None = None
    context: str | None = None
    citations: Switch | None = None


class SearchResult(Wire, frozen=True):
    source: str
    title: str
    content: tuple[Words, ...]
    citations: Switch | None = None


class ToolUse(Wire, frozen=True):
    tool_use_id: str
    name: str
    input: msgspec.Raw
    type: str | None = None


class ReasoningText(Wire, frozen=True):
    text: str
    signature: str | None = None


class Reasoning(Wire, frozen=True):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class DocumentPlace(Content, frozen=True, rename="camel"):
    document_index: int = 0
    start: int = 0
    end: int = 0


class SearchPlace(Content, frozen=True, rename="camel"):
    search_result_index: int = 0
    start: int = 0
    end: int = 0


class WebPlace(Wire, frozen=True):
    url: str | None = None


class Location(Wire, frozen=True):
    document_char: DocumentPlace | None = None
    document_page: DocumentPlace | None = None
    document_chunk: DocumentPlace | None = None
    search_result_location: SearchPlace | None = None
    web: WebPlace | None = None


class Citation(Wire, frozen=True):
    title: str | None = None
    source: str | None = None
    source_content: tuple[Words, ...] | None = None
    location: Location | None = None


class CitedText(Wire, frozen=True):
    content: tuple[Words, ...] | None = None
    citations: tuple[Citation, ...] | None = None


class ToolResult(Wire, frozen=True):
    tool_use_id: str
    content: "tuple[Block | msgspec.Raw, ...]"
    status: str | None = None


class Block(Wire, frozen=True):
    """A part of a message: exactly one of these."""

    text: str | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    image: Image | None = None
    document: Document | None = None
    search_result: SearchResult | None = None
    reasoning_content: Reasoning | None = None
    citations_content: CitedText | None = None
    cache_point: CachePoint | None = None


AnyBlock = Block | msgspec.Raw


# what we send


class OutMessage(Wire, frozen=True):
    role: str
    content: list[AnyBlock]


class OutSchema(Content, frozen=True):
    json: msgspec.Raw


class OutToolSpec(Wire, frozen=True):
    name: str
    input_schema: OutSchema
    description: str = ""
    strict: bool = False


class OutTool(Wire, frozen=True):
    tool_spec: OutToolSpec | None = None
    cache_point: CachePoint | None = None


class OutName(Content, frozen=True):
    name: str


class OutNothing(msgspec.Struct, frozen=True):
    """An empty object."""


class OutToolChoice(Wire, frozen=True):
    auto: OutNothing | None = None
    any: OutNothing | None = None
    tool: OutName | None = None


class OutTools(Wire, frozen=True):
    tools: tuple[OutTool | msgspec.Raw, ...]
    tool_choice: OutToolChoice | None = None


class OutInference(Wire, frozen=True):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()


class OutJsonSchema(Wire, frozen=True):
    schema: str
    name: str = ""
    description: str = ""


class OutStructure(Wire, frozen=True):
    json_schema: OutJsonSchema


class OutTextFormat(Wire, frozen=True):
    type: str
    structure: OutStructure


class OutOutput(Wire, frozen=True):
    text_format: OutTextFormat | None = None
    effort: str = ""


class OutConverse(Wire, frozen=True, kw_only=True):
    """The raw ones are the caller's own, in Bedrock's dialect."""

    messages: list[OutMessage]
    system: tuple[AnyBlock, ...] = ()
    inference_config: OutInference | None = None
    tool_config: OutTools | None = None
    output_config: OutOutput | None = None
    additional_model_request_fields: msgspec.Raw | None = None
    additional_model_response_field_paths: msgspec.Raw | None = None
    guardrail_config: msgspec.Raw | None = None
    performance_config: msgspec.Raw | None = None
    project_identifier: msgspec.Raw | None = None
    prompt_variables: msgspec.Raw | None = None
    request_metadata: msgspec.Raw | None = None
    service_tier: msgspec.Raw | None = None


class OutCountedConverse(Wire, frozen=True, kw_only=True):
    messages: list[OutMessage]
    system: tuple[AnyBlock, ...] = ()
    tool_config: OutTools | None = None
    additional_model_request_fields: msgspec.Raw | None = None


class OutCounted(Content, frozen=True):
    converse: OutCountedConverse


class OutCount(Content, frozen=True):
    input: OutCounted
