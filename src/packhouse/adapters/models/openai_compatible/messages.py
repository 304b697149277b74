"""From the neutral conversation to the dialect's messages."""

import base64
from collections.abc import Iterable, Iterator

from packhouse.adapters.models.openai_compatible import wire
from packhouse.domain.chat import Message
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

_FOLLOWS = "What the tool answered with follows the tools' results."
_RESULT_OF = "What the tool call {} answered with:"


class MessageWriter:
    """Writes the messages of one request, in order.

    A tool's result is a message of its own and holds text alone: its images and files follow, as the user's, when all
    results are told.
    """

    __slots__ = ("_following", "_takes_thinking")

    def __init__(self, *, takes_thinking: bool) -> None:
        self._takes_thinking = takes_thinking
        self._following: list[wire.OutPart] = []

    def messages(self, given: Iterable[Message]) -> Iterator[wire.OutMessage]:
        """Refused: unsupported."""
        for message in given:
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            if not results:
                yield from self._followed()
            yield from map(self._result, results)
            yield from self._message(message)
        yield from self._followed()

    def _message(self, message: Message) -> Iterator[wire.OutMessage]:
        said = tuple(part_of(part) for part in message.parts if _is_said(part))
        calls = tuple(
            wire.OutToolCall(part.id, wire.OutCalledFunction(part.name, part.arguments or "{}"))
            for part in message.parts
            if isinstance(part, ToolUse)
        )
        thoughts = self._thoughts(message.parts)
        if said or calls or thoughts:
            yield from self._followed()
            yield wire.OutMessage(
                message.role,
                _content(said),
                reasoning_content="".join(thought.text for thought in thoughts),
                thinking_blocks=_blocks(thoughts),
                tool_calls=calls,
            )

    def _thoughts(self, parts: Iterable[Part]) -> list[Thinking]:
        return [part for part in parts if isinstance(part, Thinking)] if self._takes_thinking else []

    def _result(self, result: ToolResult) -> wire.OutMessage:
        said = [part for part in result.parts if not isinstance(part, CachePoint) and not _is_empty(part)]
        written = [part_of(part) for part in said]
        texts = tuple(part for part in written if isinstance(part, wire.OutText))
        files = [part for part in written if not isinstance(part, wire.OutText)]
        if files:
            self._following += (wire.OutText(_RESULT_OF.format(result.tool_use_id)), *files)
            texts = texts or (wire.OutText(_FOLLOWS),)
        return wire.OutMessage("tool", _content(texts) or "", tool_call_id=result.tool_use_id)

    def _followed(self) -> Iterator[wire.OutMessage]:
        if self._following:
            yield wire.OutMessage("user", tuple(self._following))
            self._following = []


def part_of(part: Part) -> wire.OutPart:
    """Refused(unsupported) for what the dialect has no part for."""
    match part:
        case Text(text):
            return wire.OutText(text)
        case Image():
            return wire.OutImage(wire.OutUrl(_image_url(part), part.detail))
        case Document():
            return _document(part)
        case SearchResult(source=source, title=title, blocks=blocks):
            return wire.OutText("\n".join((title, source, *blocks)))
        case Foreign(dialect="openai", json=json):
            return json
        case Foreign(kind=kind):
            raise _unsupported(f"This model takes no part of type {kind!r}.")
        case _:
            raise AssertionError(f"{type(part).__name__} is no content of a message here")


def _is_said(part: Part) -> bool:
    return not isinstance(part, ToolResult | ToolUse | Thinking | CachePoint) and not _is_empty(part)


def _is_empty(part: Part) -> bool:
    """No server takes a part of a text that is nothing."""
    return isinstance(part, Text) and not part.text


def _content(parts: tuple[wire.OutPart, ...]) -> str | tuple[wire.OutPart, ...] | None:
    """One text goes as a plain string, which every server takes."""
    if not parts:
        return None
    first = parts[0]
    return first.text if len(parts) == 1 and isinstance(first, wire.OutText) else parts


def _blocks(thoughts: list[Thinking]) -> tuple[wire.OutThought, ...]:
    """Where one of them is signed; else the text alone says it."""
    if not any(thought.signature or thought.redacted for thought in thoughts):
        return ()
    return tuple(
        wire.OutRedacted(thought.redacted) if thought.redacted else wire.OutThinking(thought.text, thought.signature)
        for thought in thoughts
    )


def _image_url(image: Image) -> str:
    if image.data:
        return _data_url(image.media_type, image.data)
    if image.url.startswith("s3:"):
        raise _unsupported("This model takes images by value or by an https: URL. Send the image's bytes.")
    return image.url


def _document(document: Document) -> wire.OutPart:
    """What is text anyway goes as text, which every server takes; anything else as a file."""
    said = tuple(filter(None, (document.name, document.context)))
    if document.blocks:
        return wire.OutText("\n\n".join((*said, *document.blocks)))
    if not document.data:
        raise _unsupported("This model takes documents by value only, not by URL. Send the file's bytes.")
    if document.media_type.startswith("text/") and (text := _text(document.data)) is not None:
        return wire.OutText("\n\n".join((*said, text)))
    if document.context:
        raise _unsupported("This model takes no context of a document. Say it in a text before.")
    return wire.OutDocument(wire.OutFile(_data_url(document.media_type, document.data), document.name))


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _unsupported(message: str) -> Refused:
    return Refused("unsupported", message, field="messages")
