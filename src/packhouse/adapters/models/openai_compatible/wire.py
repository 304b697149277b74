"""The dialect's bodies as its servers take them and give them. Names are the wire's own."""

from typing import Any

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens

# what we send


class OutUrl(Content, frozen=True, omit_defaults=True):
    url: str
    detail: str = ""


class OutFile(Content, frozen=True, omit_defaults=True):
    file_data: str
    filename: str = ""


class OutText(Content, frozen=True, tag_field="type", tag="text"):
    text: str


class OutImage(Content, frozen=True, tag_field="type", tag="image_url"):
    image_url: OutUrl


class OutDocument(Content, frozen=True, tag_field="type", tag="file"):
    file: OutFile


OutPart = OutText | OutImage | OutDocument


class OutCalledFunction(Content, frozen=True):
    name: str
    arguments: str


class OutToolCall(Content, frozen=True):
    id: str
    function: OutCalledFunction
    type: str = "function"


class OutMessage(Content, frozen=True, omit_defaults=True):
    role: str
    content: str | tuple[OutPart, ...] | None = None
    tool_calls: tuple[OutToolCall, ...] = ()
    tool_call_id: str = ""


class OutFunction(Content, frozen=True, omit_defaults=True):
    name: str
    parameters: msgspec.Raw
    description: str = ""
    strict: bool = False


class OutTool(Content, frozen=True):
    function: OutFunction
    type: str = "function"


class OutName(Content, frozen=True):
    name: str


class OutNamedTool(Content, frozen=True):
    function: OutName
    type: str = "function"


class OutSchema(Content, frozen=True, omit_defaults=True):
    name: str
    schema: msgspec.Raw
    strict: bool = False


class OutFormat(Content, frozen=True, omit_defaults=True):
    type: str
    json_schema: OutSchema | None = None


class OutStreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


class OutChat(Content, frozen=True, omit_defaults=True, kw_only=True):
    model: str
    messages: tuple[OutMessage, ...]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: tuple[OutTool, ...] = ()
    tool_choice: str | OutNamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: OutFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stream: bool = False
    stream_options: OutStreamOptions | None = None


class OutEmbeddings(Content, frozen=True, omit_defaults=True):
    model: str
    input: tuple[str | tuple[int, ...], ...]
    encoding_format: str
    dimensions: int | None = None


# what we get; unknown fields are passed over, and whatever a server may leave out or send as null may be None


class InCached(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class InUsage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InCached | None = None

    def tokens(self) -> ModelTokens | None:
        """Cached tokens are part of the dialect's prompt tokens, but a class of their own here."""
        if self.prompt_tokens is None:
            return None
        cached = (self.prompt_tokens_details.cached_tokens or 0) if self.prompt_tokens_details else 0
        cached = min(max(cached, 0), self.prompt_tokens)
        return ModelTokens(self.prompt_tokens - cached, self.completion_tokens or 0, cache_read=cached)


class InPart(Content, frozen=True):
    type: str = ""
    text: str | None = None


class InFunction(Content, frozen=True):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class InToolCall(Content, frozen=True):
    index: int | None = None
    id: str | None = None
    function: InFunction = InFunction()


class InMessage(Content, frozen=True):
    """A message, or the part of one that a chunk brings."""

    content: str | tuple[InPart, ...] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[InToolCall, ...] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, tuple):
            return "".join(part.text or "" for part in self.content)
        return self.content or self.refusal or ""

    @property
    def thought(self) -> str:
        return self.reasoning_content or self.reasoning or ""


class InChoice(Content, frozen=True):
    message: InMessage = InMessage()
    delta: InMessage | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None


class InChat(Content, frozen=True):
    choices: tuple[InChoice, ...] = ()
    usage: InUsage | None = None


class InVector(Content, frozen=True):
    embedding: str | tuple[float, ...]
    index: int | None = None


class InEmbeddings(Content, frozen=True):
    data: tuple[InVector, ...]
    usage: InUsage | None = None
