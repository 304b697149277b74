"""The neutral chat: one model of a conversation that every dialect is read into and every provider is fed from."""

from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens

Role = Literal["system", "user", "assistant", "tool"]
StopReason = Literal["end", "length", "tool_use", "stop_sequence", "filtered"]


class Text(Content, frozen=True, tag="text"):
    text: str


class Image(Content, frozen=True, tag="image"):
    """An image by value (`data`, the decoded bytes, with `media_type`) or by `url`."""

    media_type: str = ""
    data: bytes = b""
    url: str = ""
    detail: str = ""


class Document(Content, frozen=True, tag="document"):
    """A file by value (`data`, the decoded bytes) or by `url`."""

    media_type: str = ""
    data: bytes = b""
    url: str = ""
    name: str = ""


class Thinking(Content, frozen=True, tag="thinking"):
    """What a model thought before it answered; `signature` lets its provider take it back."""

    text: str
    signature: str = ""


class ToolUse(Content, frozen=True, tag="tool_use"):
    """The model's wish to call a tool; `arguments` is the JSON text of an object, as the model wrote it."""

    id: str
    name: str
    arguments: str


class ToolResult(Content, frozen=True, tag="tool_result"):
    tool_use_id: str
    text: str
    is_error: bool = False


Part = Text | Image | Document | Thinking | ToolUse | ToolResult


class Message(Content, frozen=True):
    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class Tool(Content, frozen=True):
    """A function that the model may call; `parameters` is its JSON schema, as the caller wrote it."""

    name: str
    description: str = ""
    parameters: msgspec.Raw = msgspec.Raw(b'{"type":"object","properties":{}}')
    strict: bool = False


class ToolChoice(msgspec.Struct, frozen=True):
    """`auto`: the model decides; `none`: no tool; `required`: any tool; `tool`: the one named."""

    mode: Literal["auto", "none", "required", "tool"] = "auto"
    name: str = ""
    parallel: bool = True


class OutputFormat(Content, frozen=True):
    """`text`, any JSON object, or JSON by `schema` (raw JSON)."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    schema: msgspec.Raw = msgspec.Raw(b"{}")
    name: str = ""
    strict: bool = False


class ChatRequest(Content, frozen=True, kw_only=True):
    """One question to a text model. `output_tokens_max` None means: what the caller did not say."""

    model: str
    messages: tuple[Message, ...]
    output_tokens_max: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    output_format: OutputFormat = OutputFormat()
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class ChatAnswer(Content, frozen=True):
    """A whole answer. `tokens` is what the provider reported, None where it reported nothing."""

    parts: tuple[Part, ...]
    stop_reason: StopReason
    tokens: ModelTokens | None

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class TextDelta(Content, frozen=True):
    text: str


class ThinkingDelta(Content, frozen=True):
    text: str = ""
    signature: str = ""


class ToolUseStart(Content, frozen=True):
    index: int
    id: str
    name: str


class ToolUseDelta(Content, frozen=True):
    index: int
    arguments: str


class StreamEnd(Content, frozen=True):
    """The last piece of a stream: why it stopped and what was consumed (None: not reported)."""

    stop_reason: StopReason
    tokens: ModelTokens | None


ChatPiece = TextDelta | ThinkingDelta | ToolUseStart | ToolUseDelta | StreamEnd
