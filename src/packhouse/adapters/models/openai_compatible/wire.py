"""The dialect's bodies as its servers take them and give them. Names are the wire's own."""

from typing import Any

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.openai_usage import OpenAIUsage

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


OutPart = OutText | OutImage | OutDocument | msgspec.Raw


class OutThinking(Content, frozen=True, tag_field="type", tag="thinking"):
    thinking: str
    signature: str


class OutRedacted(Content, frozen=True, tag_field="type", tag="redacted_thinking"):
    data: str


OutThought = OutThinking | OutRedacted


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
    reasoning_content: str = ""
    thinking_blocks: tuple[OutThought, ...] = ()
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
    description: str = ""


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
    tools: tuple[OutTool | msgspec.Raw, ...] = ()
    tool_choice: str | OutNamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: OutFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str = ""
    user: str = ""
    stream: bool = False
    stream_options: OutStreamOptions | None = None


class OutEmbeddings(Content, frozen=True, omit_defaults=True):
    model: str
    input: tuple[str | tuple[int, ...], ...]
    encoding_format: str
    dimensions: int | None = None


# what we get; unknown fields are passed over, and whatever a server may leave out or send as null may be None


class InWords(Content, frozen=True):
    text: str | None = None


class InPart(Content, frozen=True):
    """A part of a message: `text`, or Mistral's `thinking`, which is made of texts."""

    type: str = ""
    text: str | None = None
    thinking: tuple[InWords, ...] | str = ()


class InFunction(Content, frozen=True):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class InToolCall(Content, frozen=True):
    index: int | None = None
    id: str | None = None
    function: InFunction = InFunction()


class InUrlCitation(Content, frozen=True):
    start_index: int = 0
    end_index: int = 0
    title: str | None = None
    url: str | None = None


class InAnnotation(Content, frozen=True):
    type: str = ""
    url_citation: InUrlCitation | None = None


class InThought(Content, frozen=True):
    """`thinking` with its signature, or `redacted_thinking`: how gateways in this dialect pass on Claude's thought."""

    type: str = ""
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class InMessage(Content, frozen=True):
    """A message, or the part of one that a chunk brings."""

    content: str | tuple[InPart, ...] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking_blocks: tuple[InThought, ...] | None = None
    annotations: tuple[InAnnotation, ...] | None = None
    tool_calls: tuple[InToolCall, ...] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, tuple):
            return "".join(part.text or "" for part in self.content)
        return self.content or self.refusal or ""

    @property
    def thought(self) -> str:
        if isinstance(self.content, tuple) and (said := "".join(map(_thought, self.content))):
            return said
        return self.reasoning_content or self.reasoning or ""


def _thought(part: InPart) -> str:
    if isinstance(part.thinking, str):
        return part.thinking
    return "".join(words.text or "" for words in part.thinking)


class InChoice(Content, frozen=True):
    message: InMessage = InMessage()
    delta: InMessage | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None


class InChat(Content, frozen=True):
    choices: tuple[InChoice, ...] = ()
    usage: OpenAIUsage | None = None


class InVector(Content, frozen=True):
    embedding: str | tuple[float, ...]
    index: int | None = None


class InEmbeddings(Content, frozen=True):
    data: tuple[InVector, ...]
    usage: OpenAIUsage | None = None
