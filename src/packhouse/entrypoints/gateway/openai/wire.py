"""The OpenAI dialect's requests as they are on the wire. Names are the wire's; unknown fields are ignored."""

from typing import Literal

import msgspec

from packhouse.domain.chat_part import Dialect
from packhouse.domain.content import Content
from packhouse.domain.embedding import InputType
from packhouse.entrypoints.gateway.grounding import PackhouseOptions

NOTHING = msgspec.Raw(b"")
EMPTY_SCHEMA = msgspec.Raw(b'{"type":"object","properties":{}}')


def is_said(value: msgspec.Raw) -> bool:
    """Whether the field is there; null says nothing."""
    return value is not NOTHING and bytes(value) != b"null"


class ImageURL(Content, frozen=True):
    url: str
    detail: str | None = None


class FileData(Content, frozen=True):
    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class CacheControl(msgspec.Struct, frozen=True):
    """Anthropic's word for a cache point, as gateways in OpenAI's dialect take it too."""

    ttl: str | None = None


class ContentPart(Content, frozen=True):
    """`text`, `refusal`, `image_url` or `file`; anything else is refused by name."""

    type: str
    text: str = ""
    refusal: str = ""
    image_url: ImageURL | None = None
    file: FileData | None = None
    prompt_cache_breakpoint: msgspec.Raw = NOTHING
    cache_control: CacheControl | None = None


class FunctionCall(Content, frozen=True):
    name: str
    arguments: str = "{}"


class ToolCall(Content, frozen=True):
    id: str
    function: FunctionCall | None = None
    type: str = "function"


class ThinkingBlock(Content, frozen=True):
    """A thought as this dialect's answers give it: `thinking` with its signature, or `redacted_thinking`."""

    type: str
    thinking: str = ""
    signature: str | None = None
    data: str = ""


class ForeignBlock(Content, frozen=True):
    """A block of another dialect as this one's answers give it."""

    dialect: Dialect
    type: str
    block: msgspec.Raw


class Specific(Content, frozen=True):
    blocks: list[ForeignBlock] | None = None


class WireMessage(Content, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[ThinkingBlock] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: msgspec.Raw = NOTHING
    audio: msgspec.Raw = NOTHING
    provider_specific_fields: Specific | None = None


class FunctionDefinition(Content, frozen=True):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = EMPTY_SCHEMA
    strict: bool | None = None


class ToolDefinition(Content, frozen=True):
    type: str
    function: FunctionDefinition | None = None
    cache_control: CacheControl | None = None


class NamedFunction(msgspec.Struct, frozen=True):
    name: str


class AllowedTool(msgspec.Struct, frozen=True):
    type: str
    function: NamedFunction | None = None


class AllowedTools(msgspec.Struct, frozen=True):
    mode: Literal["auto", "required"]
    tools: list[AllowedTool]


class ToolChoiceObject(msgspec.Struct, frozen=True):
    """`function`, `allowed_tools`, or `custom`, which is refused."""

    type: str = "function"
    function: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(Content, frozen=True):
    name: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool | None = None
    description: str | None = None


class ResponseFormat(Content, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ThinkingOption(msgspec.Struct, frozen=True):
    """None of OpenAI's: how its clients ask Claude to think, in Anthropic's words."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int = 0
    display: str | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class ChatEnvelope(Content, frozen=True):
    """What must be known of a body that travels on as it is; its messages stay raw."""

    messages: msgspec.Raw
    model: str = "default"
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    packhouse: PackhouseOptions | None = None

    @property
    def output_tokens_max(self) -> int | None:
        """The newer name goes first."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class ChatBody(Content, frozen=True):
    """A whole body, for everything that is not relayed."""

    messages: list[WireMessage]
    model: str = "default"
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: list[ToolDefinition] | None = None
    tool_choice: Literal["auto", "none", "required"] | ToolChoiceObject | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    thinking: ThinkingOption | None = None
    user: str | None = None
    safety_identifier: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None
    audio: msgspec.Raw = NOTHING
    functions: msgspec.Raw = NOTHING
    function_call: msgspec.Raw = NOTHING


class EmbeddingsBody(Content, frozen=True):
    """`input` is a text, a list of texts, a text as token numbers, or a list of such.

    `input_type` is none of OpenAI's: models that make a difference between documents and queries want to know.
    """

    input: str | list[str | int | list[int]]
    model: str = "default"
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    input_type: InputType = "search_document"
    user: str | None = None
