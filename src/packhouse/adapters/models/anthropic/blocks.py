"""Neutral parts as content blocks; a cache point is a mark on the block before it."""

import base64
import re
from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

from packhouse.adapters.models.anthropic import wire
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
from packhouse.domain.picture import PICTURES, picture_type

_PDF = "application/pdf"
_USE_ID = re.compile(r"[a-zA-Z0-9_-]+")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def blocks(parts: Iterable[Part]) -> list[wire.OutBlock]:
    """Refused: unsupported for what the dialect has no block for, invalid_request.

    What Anthropic would refuse the whole request for is left out: texts of white space alone, and thoughts that it
    has not signed, which are another model's.
    """
    written = list[wire.OutBlock]()
    for part in parts:
        match part:
            case CachePoint():
                _mark(written, cache(part))
            case Text(text=text, citations=()) if not text or text.isspace():
                pass
            case Thinking(signature="", redacted=""):
                pass
            case _:
                written.append(_block(part))
    return written


def cache(point: CachePoint) -> wire.OutCache:
    return wire.OutCache(point.ttl or wire.UNSET)


def _mark(written: list[wire.OutBlock], point: wire.OutCache) -> None:
    """A block that takes no mark, or that has its own, stays as it is."""
    last = written[-1] if written else None
    if last is not None and not isinstance(last, msgspec.Raw | wire.OutThinking | wire.OutRedacted):
        written[-1] = msgspec.structs.replace(last, cache_control=point)


def system_blocks(parts: Sequence[Part]) -> list[wire.OutBlock]:
    """What stands in front of a conversation. Refused as above."""
    if any(not isinstance(part, Text | CachePoint | Foreign) for part in parts):
        raise Refused("unsupported", "Anthropic takes texts only as system messages.", field="messages")
    return blocks(parts)


def _block(part: Text | Image | Document | SearchResult | Thinking | ToolUse | ToolResult | Foreign) -> wire.OutBlock:
    match part:
        case Text(text=text, citations=citations):
            return wire.OutText(text, tuple(map(_citation, citations)) or wire.UNSET)
        case Image():
            return wire.OutImage(_image(part))
        case Document():
            return _document(part)
        case SearchResult(source=source, title=title, blocks=texts, citable=citable):
            content = tuple(wire.OutText(text) for text in texts)
            return wire.OutSearch(source, title, content, wire.Citable(True) if citable else wire.UNSET)
        case Thinking(redacted=redacted) if redacted:
            return wire.OutRedacted(redacted)
        case Thinking(text=text, signature=signature):
            return wire.OutThinking(text, signature)
        case ToolUse(id=id_, name=name, arguments=arguments):
            return wire.OutToolUse(_use_id(id_), name, _arguments(arguments))
        case ToolResult(tool_use_id=id_, is_error=is_error):
            return wire.OutToolResult(_use_id(id_), tuple(blocks(part.parts)) or wire.UNSET, is_error or wire.UNSET)
        case Foreign(dialect="anthropic", json=json):
            return json
        case Foreign(kind=kind):
            raise Refused("unsupported", f"Anthropic takes no parts of type {kind!r}.", field="messages")


def _use_id(given: str) -> str:
    """The id, or where Anthropic would not take it another, always the same for the same one."""
    return given if _USE_ID.fullmatch(given) else "toolu_" + sha256(given.encode()).hexdigest()[:32]


def _arguments(arguments: str) -> msgspec.Raw:
    """The JSON object; nothing stands for an empty one. It is read, so that no more than an object is written."""
    data = arguments.strip().encode()
    if not data:
        return msgspec.Raw(b"{}")
    try:
        _object.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        message = "The arguments of a tool call in the conversation are no JSON object."
        raise Refused("invalid_request", message, field="messages") from error
    return msgspec.Raw(data)


def _image(image: Image) -> wire.OutSource:
    if image.url and not image.data:
        if not image.url.startswith("https://"):
            raise Refused("unsupported", "Anthropic takes images by value or by an https URL.", field="messages")
        return wire.OutSource(type="url", url=image.url)
    media_type = picture_type(image.data, image.media_type)
    if not media_type:
        taken, shown = ", ".join(PICTURES), image.media_type or "unknown type"
        raise Refused("unsupported", f"Anthropic takes images of the types {taken}, not {shown}.", field="messages")
    return wire.OutSource(type="base64", media_type=media_type, data=_base64(image.data))


def _document(document: Document) -> wire.OutDocument:
    return wire.OutDocument(
        _source(document),
        document.name or wire.UNSET,
        document.context or wire.UNSET,
        wire.Citable(True) if document.citable else wire.UNSET,
    )


def _source(document: Document) -> wire.OutSource:
    if document.blocks:
        return wire.OutSource(type="content", content=tuple(wire.OutText(text) for text in document.blocks))
    if document.url and not document.data:
        if not document.url.startswith("https://"):
            raise Refused("unsupported", "Anthropic takes documents by value or by an https URL.", field="messages")
        return wire.OutSource(type="url", url=document.url)
    if document.media_type == _PDF or document.data.startswith(b"%PDF"):
        return wire.OutSource(type="base64", media_type=_PDF, data=_base64(document.data))
    if document.media_type.startswith("text/") or not document.media_type:
        try:
            text = document.data.decode()
        except UnicodeDecodeError as error:
            raise _kind(document) from error
        return wire.OutSource(type="text", media_type="text/plain", data=text)
    raise _kind(document)


def _kind(document: Document) -> Refused:
    shown = document.media_type or "unknown type"
    return Refused("unsupported", f"Anthropic takes PDF and text documents, not {shown}.", field="messages")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _citation(cited: Citation) -> wire.OutCitation:
    title, text, start, end = cited.title or None, cited.cited_text, cited.start, cited.end
    match cited.kind:
        case "characters":
            return wire.OutCitation(
                type="char_location",
                cited_text=text,
                document_index=cited.document,
                document_title=title,
                start_char_index=start,
                end_char_index=end,
            )
        case "pages":
            return wire.OutCitation(
                type="page_location",
                cited_text=text,
                document_index=cited.document,
                document_title=title,
                start_page_number=start,
                end_page_number=end,
            )
        case "blocks":
            return wire.OutCitation(
                type="content_block_location",
                cited_text=text,
                document_index=cited.document,
                document_title=title,
                start_block_index=start,
                end_block_index=end,
            )
        case "search_result":
            return wire.OutCitation(
                type="search_result_location",
                cited_text=text,
                search_result_index=cited.document,
                source=cited.source,
                title=title,
                start_block_index=start,
                end_block_index=end,
            )
        case "web":
            return wire.OutCitation(
                type="web_search_result_location",
                cited_text=text,
                encrypted_index=cited.mark,
                title=title,
                url=cited.source,
            )
