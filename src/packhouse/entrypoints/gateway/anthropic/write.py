"""From neutral answers to Anthropic's dialect: whole messages, and what they are made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from packhouse.domain.chat import ChatAnswer, StopReason
from packhouse.domain.chat_part import Citation, Foreign, Part, Text, Thinking, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.units import ModelTokens

WireStop = Literal[
    "end_turn", "max_tokens", "tool_use", "stop_sequence", "refusal", "pause_turn", "model_context_window_exceeded"
]
STOPS: Mapping[StopReason, WireStop] = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool_use": "tool_use",
    "stop_sequence": "stop_sequence",
    "filtered": "refusal",
    "refused": "refusal",
    "paused": "pause_turn",
    "context_full": "model_context_window_exceeded",
    "malformed": "end_turn",
}


_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class OutUsage(msgspec.Struct, frozen=True):
    """Input tokens are those that were neither read from a cache nor written to one."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int


class CharLocation(Content, frozen=True, tag="char_location"):
    cited_text: str
    document_index: int
    document_title: str | None
    start_char_index: int
    end_char_index: int
    file_id: None = None


class PageLocation(Content, frozen=True, tag="page_location"):
    cited_text: str
    document_index: int
    document_title: str | None
    start_page_number: int
    end_page_number: int
    file_id: None = None


class BlockLocation(Content, frozen=True, tag="content_block_location"):
    cited_text: str
    document_index: int
    document_title: str | None
    start_block_index: int
    end_block_index: int
    file_id: None = None


class SearchLocation(Content, frozen=True, tag="search_result_location"):
    cited_text: str
    search_result_index: int
    source: str
    title: str | None
    start_block_index: int
    end_block_index: int


class WebLocation(Content, frozen=True, tag="web_search_result_location"):
    cited_text: str
    encrypted_index: str
    title: str | None
    url: str


OutCitation = CharLocation | PageLocation | BlockLocation | SearchLocation | WebLocation


class OutText(Content, frozen=True, tag="text"):
    text: str
    citations: tuple[OutCitation, ...] | msgspec.UnsetType = msgspec.UNSET


class OutThinking(Content, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class OutRedacted(Content, frozen=True, tag="redacted_thinking"):
    data: str


class OutToolUse(Content, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"{}")


OutBlock = OutText | OutThinking | OutRedacted | OutToolUse | msgspec.Raw


class OutMessage(Content, frozen=True, kw_only=True, tag="message"):
    id: str
    role: str = "assistant"
    model: str
    content: tuple[OutBlock, ...] = ()
    stop_reason: WireStop | None = None
    stop_sequence: str | None = None
    usage: OutUsage
    packhouse: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Heading(msgspec.Struct, frozen=True):
    """What every answer begins with: its id and the model that made it."""

    id: str
    model: str


def message(
    heading: Heading, answer: ChatAnswer, *, tokens: ModelTokens, packhouse: msgspec.Raw | None = None
) -> bytes:
    """A whole answer. `packhouse` is what goes along with a grounded one."""
    return msgspec.json.encode(
        OutMessage(
            id=heading.id,
            model=heading.model,
            content=blocks(answer.parts),
            stop_reason=STOPS[answer.stop_reason],
            stop_sequence=answer.stop_sequence or None,
            usage=usage_of(tokens),
            packhouse=packhouse or msgspec.UNSET,
        )
    )


def blocks(parts: Sequence[Part]) -> tuple[OutBlock, ...]:
    return tuple(_blocks(parts))


def _blocks(parts: Iterable[Part]) -> Iterable[OutBlock]:
    for part in parts:
        match part:
            case Text(text=text, citations=citations):
                yield OutText(text, tuple(map(citation, citations)) or msgspec.UNSET)
            case Thinking(redacted=redacted) if redacted:
                yield OutRedacted(redacted)
            case Thinking(text=text, signature=signature):
                yield OutThinking(text, signature)
            case ToolUse(id=id_, name=name, arguments=arguments):
                yield OutToolUse(id_, name, arguments_of(arguments))
            case Foreign(dialect="anthropic", json=json):
                yield json
            case _:
                pass  # what no client of this dialect can read, and what no model answers with


def arguments_of(arguments: str) -> msgspec.Raw:
    """An object, whatever the model wrote: what is none stands in one, so that the client sees it."""
    text = arguments.strip() or "{}"
    return msgspec.Raw(text.encode() if is_object(text) else msgspec.json.encode({"unreadable": arguments}))


def is_object(text: str) -> bool:
    """Whether the text is a JSON object and nothing else."""
    try:
        _object.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def citation(cited: Citation) -> OutCitation:
    title = cited.title or None
    match cited.kind:
        case "characters":
            return CharLocation(cited.cited_text, cited.document, title, cited.start, cited.end)
        case "pages":
            return PageLocation(cited.cited_text, cited.document, title, cited.start, cited.end)
        case "blocks":
            return BlockLocation(cited.cited_text, cited.document, title, cited.start, cited.end)
        case "search_result":
            return SearchLocation(cited.cited_text, cited.document, cited.source, title, cited.start, cited.end)
        case "web":
            return WebLocation(cited.cited_text, cited.mark, title, cited.source)


def usage_of(tokens: ModelTokens) -> OutUsage:
    return OutUsage(tokens.input, tokens.output, tokens.cache_write, tokens.cache_read)
