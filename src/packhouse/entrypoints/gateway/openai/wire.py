"""The OpenAI dialect's requests as they are on the wire. Names are the wire's; unknown fields are ignored."""

from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.embedding import InputType
from packhouse.entrypoints.gateway.grounding import PackhouseOptions


class ImageURL(Content, frozen=True):
    url: str
    detail: str = ""


class FileData(Content, frozen=True):
    file_data: str = ""
    filename: str = ""
    file_id: str = ""


class ContentPart(Content, frozen=True):
    """`text`, `refusal`, `image_url` or `file`; anything else is refused by name."""

    type: str
    text: str = ""
    refusal: str = ""
    image_url: ImageURL | None = None
    file: FileData | None = None


class FunctionCall(Content, frozen=True):
    name: str
    arguments: str = "{}"


class ToolCall(Content, frozen=True):
    id: str
    function: FunctionCall
    type: str = "function"


class WireMessage(Content, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str = ""
    name: str = ""


class FunctionDefinition(Content, frozen=True):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw(b'{"type":"object","properties":{}}')
    strict: bool | None = None


class ToolDefinition(Content, frozen=True):
    type: str
    function: FunctionDefinition | None = None


class NamedFunction(msgspec.Struct, frozen=True):
    name: str


class NamedTool(msgspec.Struct, frozen=True):
    function: NamedFunction
    type: str = "function"


class JsonSchema(Content, frozen=True):
    name: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool | None = None


class ResponseFormat(Content, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatEnvelope(Content, frozen=True):
    """What must be known of a body that travels on as it is; its messages stay raw."""

    messages: msgspec.Raw
    model: str = "default"
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    packhouse: PackhouseOptions | None = None


class ChatBody(Content, frozen=True):
    """A whole body, for everything that is not relayed."""

    messages: list[WireMessage]
    model: str = "default"
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: list[ToolDefinition] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None


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
