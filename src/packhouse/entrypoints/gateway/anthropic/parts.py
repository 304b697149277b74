"""Content blocks into neutral parts and citations."""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import msgspec

from packhouse.domain.chat_part import (
    CachePoint,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.anthropic import wire
from packhouse.entrypoints.gateway.decode import decode

_IN_RESULTS = frozenset({"text", "image", "document", "search_result"})
_IN_DOCUMENTS = frozenset({"text", "image"})
_CITATIONS = frozenset(
    {
        "char_location",
        "page_location",
        "content_block_location",
        "search_result_location",
        "web_search_result_location",
    }
)

Block = TypeVar("Block")
Reader = Callable[[msgspec.Raw, str], Part]

_typed = msgspec.json.Decoder(wire.Typed)
_text = msgspec.json.Decoder(wire.TextBlock)
_media = msgspec.json.Decoder(wire.MediaBlock)
_search = msgspec.json.Decoder(wire.SearchBlock)
_thinking = msgspec.json.Decoder(wire.ThinkingBlock)
_redacted = msgspec.json.Decoder(wire.RedactedBlock)
_tool_use = msgspec.json.Decoder(wire.ToolUseBlock)
_tool_result = msgspec.json.Decoder(wire.ToolResultBlock)


def parts_of(content: str | list[msgspec.Raw], field: str, *, inside: frozenset[str] | None = None) -> Iterator[Part]:
    """In order; a block's `cache_control` is a cache point behind it. Refused: invalid_request.

    `inside` are the types of blocks that another block may hold.
    """
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for place, block in enumerate(content):
        at = f"{field}[{place}]"
        typed = read(_typed, block, field=at)
        if not typed.type:
            raise Refused("invalid_request", f"`{at}` has no `type`.", field=at)
        reader = _READERS.get(typed.type)
        if reader is not None and inside is not None and typed.type not in inside:
            raise Refused("invalid_request", f"`{at}` is of type `{typed.type}`, which has no place there.", field=at)
        yield reader(block, at) if reader is not None else Foreign("anthropic", typed.type, block)
        if typed.cache_control is not None:
            yield CachePoint(typed.cache_control.ttl or "")


def read(decoder: msgspec.json.Decoder[Block], block: msgspec.Raw, *, field: str) -> Block:
    """Refused(invalid_request) names the field."""
    try:
        return decode(decoder, bytes(block))
    except Refused as refused:
        raise Refused("invalid_request", f"`{field}`: {refused.message}", field=field) from refused


def _read_text(block: msgspec.Raw, field: str) -> Part:
    text = read(_text, block, field=field)
    if any(each.type not in _CITATIONS for each in text.citations or ()):
        return Foreign("anthropic", "text", block)  # its provider alone knows what it cites
    return Text(text.text, tuple(_citation(each) for each in text.citations or ()))


def _read_media(block: msgspec.Raw, field: str) -> Part:
    media = read(_media, block, field=field)
    kind = read(_typed, block, field=field).type
    source = media.source
    if source.type in {"file", "s3"}:
        return Foreign("anthropic", f"{kind} by {source.type}", block)
    if kind == "image":
        return Image(source.media_type, _data(source, field), source.url)
    said = Document(
        name=media.title or "",
        context=media.context or "",
        citable=media.citations is not None and media.citations.enabled,
    )
    match source.type:
        case "text":
            return msgspec.structs.replace(said, media_type="text/plain", data=source.data.encode())
        case "content":
            blocks = _texts(source.content, field)
            if blocks is None:
                return Foreign("anthropic", f"{kind} with images", block)
            return msgspec.structs.replace(said, blocks=blocks)
        case "url":
            return msgspec.structs.replace(said, url=source.url)
        case _:
            return msgspec.structs.replace(said, media_type=source.media_type, data=_data(source, field))


def _data(source: wire.Source, field: str) -> bytes:
    if source.type == "url":
        return b""
    try:
        return base64.b64decode(source.data, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused("invalid_request", f"`{field}.source.data` is not base64.", field=field) from error


def _texts(content: str | list[msgspec.Raw], field: str) -> tuple[str, ...] | None:
    """The texts that a document is given in; None where it has images among them."""
    parts = tuple(parts_of(content, f"{field}.source.content", inside=_IN_DOCUMENTS))
    if not all(isinstance(part, Text | CachePoint) for part in parts):
        return None
    return tuple(part.text for part in parts if isinstance(part, Text))


def _read_search(block: msgspec.Raw, field: str) -> Part:
    found = read(_search, block, field=field)
    citable = found.citations is not None and found.citations.enabled
    return SearchResult(found.source, found.title, tuple(each.text for each in found.content), citable)


def _read_thinking(block: msgspec.Raw, field: str) -> Part:
    thought = read(_thinking, block, field=field)
    return Thinking(thought.thinking, thought.signature)


def _read_redacted(block: msgspec.Raw, field: str) -> Part:
    return Thinking("", redacted=read(_redacted, block, field=field).data)


def _read_tool_use(block: msgspec.Raw, field: str) -> Part:
    use = read(_tool_use, block, field=field)
    if use.toolset_name or (use.caller and use.caller.type != "direct"):
        return Foreign("anthropic", "tool_use", block)  # the provider wants all of that back
    return ToolUse(use.id, use.name, bytes(use.input).decode())


def _read_tool_result(block: msgspec.Raw, field: str) -> Part:
    result = read(_tool_result, block, field=field)
    if result.toolset_name:
        return Foreign("anthropic", "tool_result", block)
    parts = tuple(parts_of(result.content or "", f"{field}.content", inside=_IN_RESULTS))
    allowed = cast("tuple[Text | Image | Document | SearchResult | CachePoint | Foreign, ...]", parts)
    return ToolResult(result.tool_use_id, allowed, result.is_error or False)


def _citation(given: wire.InCitation) -> Citation:
    title, cited = given.document_title or given.title or "", given.cited_text
    match given.type:
        case "char_location":
            return Citation(
                kind="characters",
                cited_text=cited,
                title=title,
                document=given.document_index,
                start=given.start_char_index,
                end=given.end_char_index,
            )
        case "page_location":
            return Citation(
                kind="pages",
                cited_text=cited,
                title=title,
                document=given.document_index,
                start=given.start_page_number,
                end=given.end_page_number,
            )
        case "content_block_location":
            return Citation(
                kind="blocks",
                cited_text=cited,
                title=title,
                document=given.document_index,
                start=given.start_block_index,
                end=given.end_block_index,
            )
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


_READERS: dict[str, Reader] = {
    "text": _read_text,
    "image": _read_media,
    "document": _read_media,
    "search_result": _read_search,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
    "tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
}
