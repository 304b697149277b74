"""From Anthropic's answers to the neutral chat: whole messages, and what blocks and citations are made of."""

import msgspec

from packhouse.domain.chat import ChatAnswer, StopReason
from packhouse.domain.chat_part import Citation, Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens

STOPS: dict[str, StopReason] = {
    "end_turn": "end",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_use",
    "pause_turn": "paused",
    "refusal": "refused",
    "model_context_window_exceeded": "context_full",
    "compaction": "paused",
}


class InUsage(msgspec.Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None

    def over(self, before: ModelTokens) -> ModelTokens:
        """What is not said is as it was."""
        return ModelTokens(
            before.input if self.input_tokens is None else self.input_tokens,
            before.output if self.output_tokens is None else self.output_tokens,
            before.cache_read if self.cache_read_input_tokens is None else self.cache_read_input_tokens,
            before.cache_write if self.cache_creation_input_tokens is None else self.cache_creation_input_tokens,
        )


class InCitation(Content, frozen=True):
    type: str = ""
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


class InTyped(Content, frozen=True):
    type: str


class InCaller(msgspec.Struct, frozen=True):
    """Who calls a tool: the model itself, or what it wrote and Anthropic ran."""

    type: str = "direct"


class InBlock(Content, frozen=True):
    """What is read of the blocks that the neutral chat has a word for."""

    type: str
    text: str = ""
    citations: list[InCitation] | None = None
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    caller: InCaller | None = None
    toolset_name: str | None = None


class InMessage(Content, frozen=True):
    content: list[msgspec.Raw]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: InUsage | None = None


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises."""

_OWN = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_message = msgspec.json.Decoder(InMessage)
_typed = msgspec.json.Decoder(InTyped)
_block = msgspec.json.Decoder(InBlock)
_counted = msgspec.json.Decoder(InUsage)


def malformed() -> Refused:
    return Refused("provider_malformed", "The model's provider answered something that is not its protocol.")


def read_answer(body: bytes) -> ChatAnswer:
    """Refused(provider_malformed)."""
    try:
        message = _message.decode(body)
        parts = tuple(_part(raw) for raw in message.content)
    except UNREADABLE as error:
        raise malformed() from error
    return ChatAnswer(
        parts,
        STOPS.get(message.stop_reason or "", "end"),
        message.usage.over(ModelTokens()) if message.usage else None,
        message.stop_sequence or "",
    )


def read_count(body: bytes) -> int:
    """Refused(provider_malformed)."""
    try:
        counted = _counted.decode(body).input_tokens
    except UNREADABLE as error:
        raise malformed() from error
    if counted is None:
        raise malformed()
    return counted


def block_of(raw: msgspec.Raw) -> InBlock | Foreign:
    """The block, whole where Anthropic alone knows it. Raises what decoding raises."""
    kind = _typed.decode(raw).type
    if kind not in _OWN:
        return Foreign("anthropic", kind, raw)
    block = _block.decode(raw)
    others = bool(block.toolset_name) or (block.caller is not None and block.caller.type != "direct")
    return Foreign("anthropic", kind, raw) if others else block


def _part(raw: msgspec.Raw) -> Part:
    block = block_of(raw)
    if isinstance(block, Foreign):
        return block
    match block.type:
        case "text":
            return Text(block.text, tuple(map(citation_of, block.citations or ())))
        case "thinking":
            return Thinking(block.thinking, block.signature)
        case "redacted_thinking":
            return Thinking("", redacted=block.data)
        case _:
            return ToolUse(block.id, block.name, bytes(block.input).decode())


def citation_of(given: InCitation) -> Citation:
    title, cited = given.document_title or given.title or "", given.cited_text
    match given.type:
        case "char_location":
            kind, start, end = "characters", given.start_char_index, given.end_char_index
        case "page_location":
            kind, start, end = "pages", given.start_page_number, given.end_page_number
        case "content_block_location":
            kind, start, end = "blocks", given.start_block_index, given.end_block_index
        case "search_result_location":
            return Citation(
                kind="search_result",
                cited_text=cited,
                title=title,
                source=given.source,
                document=given.search_result_index,
                start=given.start_block_index,
                end=given.end_block_index,
            )
        case _:
            return Citation(kind="web", cited_text=cited, title=title, source=given.url, mark=given.encrypted_index)
    return Citation(kind=kind, cited_text=cited, title=title, document=given.document_index, start=start, end=end)
