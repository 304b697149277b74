"""From the neutral parts of a conversation to Converse's blocks."""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from packhouse.adapters.models.bedrock import wire
from packhouse.adapters.models.bedrock.citations import citation_out
from packhouse.adapters.models.bedrock.family import Family
from packhouse.adapters.models.bedrock.formats import DocumentNames, document_format, image_format
from packhouse.domain.chat_part import (
    CachePoint,
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

_USE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class BlockWriter:
    """Writes the blocks of one request, in order: the names of its documents depend on those before."""

    __slots__ = ("_family", "_names")

    def __init__(self, family: Family) -> None:
        self._family = family
        self._names = DocumentNames()

    def blocks(self, parts: Iterable[Part]) -> Iterator[wire.AnyBlock]:
        """The blocks of a message. Refused: unsupported, invalid_request."""
        for part in parts:
            match part:
                case Text(text, ()) if is_blank(text):
                    pass
                case Text(text, ()):
                    yield wire.Block(text=text)
                case ToolUse(use_id, name, arguments):
                    yield wire.Block(tool_use=wire.ToolUse(use_id_for(use_id), name, arguments_object(arguments)))
                case ToolResult():
                    yield from self._result(part)
                case Thinking():
                    yield from self._thinking(part)
                case CachePoint():
                    yield wire.Block(cache_point=cache_point(part))
                case _:
                    yield self._content(part)

    def _content(self, part: Text | Image | Document | SearchResult | Foreign) -> wire.AnyBlock:
        match part:
            case Text(text, ()):
                return wire.Block(text=text)
            case Text(text, citations):
                cited = wire.CitedText((wire.Words(text),), tuple(citation_out(each) for each in citations))
                return wire.Block(citations_content=cited)
            case Image(media_type, data, url):
                return wire.Block(image=wire.Image(image_format(media_type, data=data, url=url), _source(data, url)))
            case Document():
                return wire.Block(document=self._document(part))
            case SearchResult(source, title, blocks, citable):
                switch = wire.Switch(True) if citable else None
                found = wire.SearchResult(source, title, tuple(wire.Words(text) for text in blocks), switch)
                return wire.Block(search_result=found)
            case Foreign():
                return foreign(part)

    def _document(self, part: Document) -> wire.Document:
        if part.blocks:
            form, source = "txt", wire.Source(content=tuple(wire.Words(text) for text in part.blocks))
        else:
            form = document_format(part.media_type, name=part.name, url=part.url)
            source = _source(part.data, part.url)
        return wire.Document(
            self._names.name_for(part.name),
            source,
            form,
            part.context or None,
            wire.Switch(True) if part.citable else None,
        )

    def _result(self, part: ToolResult) -> Iterator[wire.AnyBlock]:
        """A result holds no cache points: those come behind it."""
        content = tuple(
            self._content(each)
            for each in part.parts
            if not isinstance(each, CachePoint) and not (isinstance(each, Text) and is_blank(each.text))
        )
        known = self._family != "other"  # the field is theirs alone
        status = ("error" if part.is_error else "success") if known else None
        yield wire.Block(tool_result=wire.ToolResult(use_id_for(part.tool_use_id), content, status))
        for each in part.parts:
            if isinstance(each, CachePoint):
                yield wire.Block(cache_point=cache_point(each))

    def _thinking(self, part: Thinking) -> Iterator[wire.Block]:
        """What Claude thought it takes back with its signature only; another model's thought it would refuse."""
        if part.redacted:
            yield wire.Block(reasoning_content=wire.Reasoning(redacted_content=part.redacted))
        elif part.signature or self._family != "claude":
            text = wire.ReasoningText(part.text, part.signature or None)
            yield wire.Block(reasoning_content=wire.Reasoning(text))


def is_blank(text: str) -> bool:
    """Whether Bedrock would refuse the whole request for it: no text may be nothing, or white space alone."""
    return not text or text.isspace()


def cache_point(point: CachePoint) -> wire.CachePoint:
    return wire.CachePoint("default", point.ttl or None)


def foreign(part: Foreign) -> msgspec.Raw:
    """A part of Bedrock's own dialect as it is. Refused(unsupported) for any other's."""
    if part.dialect != "bedrock":
        raise Refused("unsupported", f"This model takes no part of type {part.kind!r}.", field="messages")
    return part.json


def use_id_for(given: str) -> str:
    """The id, or where Bedrock would not take it another, always the same for the same one."""
    return given if _USE_ID.fullmatch(given) else "use_" + sha256(given.encode()).hexdigest()[:32]


def arguments_object(arguments: str) -> msgspec.Raw:
    """The JSON object; nothing stands for an empty one. Refused(invalid_request) for anything else."""
    if is_blank(arguments):
        return msgspec.Raw(b"{}")
    data = arguments.encode()
    try:
        _object.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        message = "The arguments of a tool call in the conversation are no JSON object."
        raise Refused("invalid_request", message, field="messages") from error
    return msgspec.Raw(data)


def _source(data: bytes, url: str) -> wire.Source:
    if data:
        return wire.Source(data=data)
    if url.startswith("s3://"):
        return wire.Source(s3_location=wire.S3(url))
    message = "This model takes images and documents by value or by an s3: address. Send the file's bytes."
    raise Refused("unsupported", message, field="messages")
