"""Anthropic's requests as they are written. Names are the wire's; what is not said is left out."""

import msgspec

from packhouse.domain.content import Content

Unset = msgspec.UnsetType
UNSET = msgspec.UNSET


class OutCache(msgspec.Struct, frozen=True, tag="ephemeral"):
    ttl: str | Unset = UNSET


class OutSource(Content, frozen=True, kw_only=True):
    type: str
    media_type: str | Unset = UNSET
    data: str | Unset = UNSET
    url: str | Unset = UNSET
    content: "tuple[OutText, ...] | Unset" = UNSET


class Citable(msgspec.Struct, frozen=True):
    enabled: bool


class OutCitation(Content, frozen=True, kw_only=True):
    """Every kind of citation in one; a field is set where its `type` has it."""

    type: str
    cited_text: str
    document_index: int | Unset = UNSET
    document_title: str | Unset | None = UNSET
    start_char_index: int | Unset = UNSET
    end_char_index: int | Unset = UNSET
    start_page_number: int | Unset = UNSET
    end_page_number: int | Unset = UNSET
    start_block_index: int | Unset = UNSET
    end_block_index: int | Unset = UNSET
    search_result_index: int | Unset = UNSET
    source: str | Unset = UNSET
    title: str | Unset | None = UNSET
    url: str | Unset = UNSET
    encrypted_index: str | Unset = UNSET


class OutText(Content, frozen=True, tag="text"):
    text: str
    citations: tuple[OutCitation, ...] | Unset = UNSET
    cache_control: OutCache | Unset = UNSET


class OutImage(Content, frozen=True, tag="image"):
    source: OutSource
    cache_control: OutCache | Unset = UNSET


class OutDocument(Content, frozen=True, tag="document"):
    source: OutSource
    title: str | Unset = UNSET
    context: str | Unset = UNSET
    citations: Citable | Unset = UNSET
    cache_control: OutCache | Unset = UNSET


class OutSearch(Content, frozen=True, tag="search_result"):
    source: str
    title: str
    content: tuple[OutText, ...]
    citations: Citable | Unset = UNSET
    cache_control: OutCache | Unset = UNSET


class OutThinking(Content, frozen=True, tag="thinking"):
    thinking: str
    signature: str


class OutRedacted(Content, frozen=True, tag="redacted_thinking"):
    data: str


class OutToolUse(Content, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw
    cache_control: OutCache | Unset = UNSET


class OutToolResult(Content, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: "tuple[OutBlock, ...] | Unset" = UNSET
    is_error: bool | Unset = UNSET
    cache_control: OutCache | Unset = UNSET


OutBlock = (
    OutText | OutImage | OutDocument | OutSearch | OutThinking | OutRedacted | OutToolUse | OutToolResult | msgspec.Raw
)


class OutMessage(Content, frozen=True):
    role: str
    content: tuple[OutBlock, ...]


class OutTool(Content, frozen=True):
    name: str
    input_schema: msgspec.Raw
    description: str | Unset = UNSET
    strict: bool | Unset = UNSET
    cache_control: OutCache | Unset = UNSET


class OutChoice(msgspec.Struct, frozen=True):
    type: str
    name: str | Unset = UNSET
    disable_parallel_tool_use: bool | Unset = UNSET


class OutWish(msgspec.Struct, frozen=True):
    type: str
    budget_tokens: int | Unset = UNSET
    display: str | Unset = UNSET


class OutFormat(Content, frozen=True, tag="json_schema"):
    schema: msgspec.Raw


class OutMetadata(Content, frozen=True):
    user_id: str


class OutMessages(Content, frozen=True, kw_only=True):
    model: str
    messages: tuple[OutMessage, ...]
    max_tokens: int | Unset = UNSET
    system: tuple[OutBlock, ...] | Unset = UNSET
    stop_sequences: tuple[str, ...] | Unset = UNSET
    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    top_k: int | Unset = UNSET
    tools: tuple[OutTool | msgspec.Raw, ...] | Unset = UNSET
    tool_choice: OutChoice | Unset = UNSET
    thinking: OutWish | Unset = UNSET
    output_config: msgspec.Raw | Unset = UNSET
    metadata: OutMetadata | Unset = UNSET
    cache_control: OutCache | Unset = UNSET
    stream: bool | Unset = UNSET
