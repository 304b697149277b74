"""The neutral chat: one model of a conversation that every dialect is read into and every provider is fed from."""

from typing import Literal

import msgspec

from packhouse.domain.chat_part import CachePoint, Citation, Dialect, Foreign, Part, Text
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

Role = Literal["system", "user", "assistant", "tool"]

StopReason = Literal[
    "end", "length", "tool_use", "stop_sequence", "filtered", "refused", "paused", "context_full", "malformed"
]
"""`filtered`: by a guard around the model; `refused`: by the model; `paused`: it wants to be asked to go on;
`context_full`: the window is full before the cap; `malformed`: what the model wrote could not be read."""


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
    cache_point: CachePoint | None = None
    """The provider may keep the tools up to this one."""


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
    description: str = ""


class ThinkingWish(msgspec.Struct, frozen=True):
    """Whether and how much the model is to think before it answers.

    `budget`: up to `tokens_max`, which count to the output cap; `adaptive`: as the model sees fit; `off`. `display` is
    what comes back of it (`summarized`, `omitted`; empty: the provider's default).
    """

    mode: Literal["off", "budget", "adaptive"]
    tokens_max: int = 0
    display: str = ""


class ForeignOption(Content, frozen=True):
    """A field of a request that one dialect alone knows, with its JSON: for providers that speak that dialect.
    Every other refuses it."""

    dialect: Dialect
    name: str
    json: msgspec.Raw


HARMLESS_OPTIONS = frozenset({"anthropic_beta"})
"""Options that allow what a request then has to ask for: without that they change nothing."""


class ChatRequest(Content, frozen=True, kw_only=True):
    """One question to a text model. `output_tokens_max` None means: what the caller did not say.

    `effort` is how hard the model is to try (`low`, `medium`, `high`, …; empty: not said). `user` is the caller's word
    for whoever asks. `cache_point`: the provider may keep the conversation up to its end.
    """

    model: str
    messages: tuple[Message, ...]
    output_tokens_max: int | None = None
    tools: tuple[Tool | Foreign, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    output_format: OutputFormat = OutputFormat()
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    thinking: ThinkingWish | None = None
    effort: str = ""
    user: str = ""
    cache_point: CachePoint | None = None
    options: tuple[ForeignOption, ...] = ()

    @property
    def functions(self) -> tuple[Tool, ...]:
        """The tools, for a provider that runs none by itself. Refused(unsupported) names one that is none of these."""
        for tool in self.tools:
            if isinstance(tool, Foreign):
                raise Refused("unsupported", f"This model has no tool of type {tool.kind!r}.", field="tools")
        return tuple(tool for tool in self.tools if isinstance(tool, Tool))

    def refuse_options(self, *, but: Dialect | None = None) -> None:
        """For a provider that speaks none of the dialects, or only that one. Refused(unsupported) names the option."""
        for option in self.options:
            if option.dialect != but and option.name not in HARMLESS_OPTIONS:
                raise Refused("unsupported", f"This model has no option {option.name!r}.", field=option.name)


class ChatAnswer(Content, frozen=True):
    """A whole answer. `tokens` is what the provider reported, None where it reported nothing; `stop_sequence` the one
    that ended it, where that is known."""

    parts: tuple[Part, ...]
    stop_reason: StopReason
    tokens: ModelTokens | None
    stop_sequence: str = ""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class TextDelta(Content, frozen=True):
    text: str


class CitationDelta(Content, frozen=True):
    """A citation of the text that is being written."""

    citation: Citation


class ThinkingDelta(Content, frozen=True):
    """A piece of thought, its signature at the end, or (`redacted`) the whole of one that only its provider reads."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


class ToolUseStart(Content, frozen=True):
    """`index` counts the tool uses of this answer."""

    index: int
    id: str
    name: str


class ToolUseDelta(Content, frozen=True):
    index: int
    arguments: str


class ForeignPiece(Content, frozen=True):
    """A foreign part that came whole."""

    part: Foreign


class PartEnd(Content, frozen=True):
    """The part that was being written is complete; where it is missing a part of another kind says the same."""


class StreamEnd(Content, frozen=True):
    """The last piece of a stream: why it stopped and what was consumed (None: not reported)."""

    stop_reason: StopReason
    tokens: ModelTokens | None
    stop_sequence: str = ""


ChatPiece = TextDelta | CitationDelta | ThinkingDelta | ToolUseStart | ToolUseDelta | ForeignPiece | PartEnd | StreamEnd
