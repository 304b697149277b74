"""Messages of the OpenAI dialect into neutral ones."""

import base64
import binascii
from collections.abc import Iterator
from typing import cast

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
from packhouse.entrypoints.gateway.openai.wire import ContentPart, FileData, ImageURL, ToolCall, WireMessage, is_said

_INSTEAD = {
    "input_audio": "Audio is not taken here; send its transcript as text.",
    "video_url": "Videos are not taken here; send images of it.",
}
"""What to do about the parts that clients are most likely to send in vain."""


def message_of(message: WireMessage, place: int) -> Message:
    """Refused: invalid_request, unsupported, with the place in the field."""
    field = f"messages[{place}]"
    if message.role == "function":
        raise Refused("unsupported", f"`{field}` has the old role `function`; use `tool`.", field=field)
    if message.role == "tool":
        return Message("tool", (_result(message, field),))
    if message.role == "assistant":
        return Message("assistant", tuple(_said(message, field)))
    parts = tuple(_parts(message, field))
    if message.role == "user" and all(isinstance(part, Text) and not part.text.strip() for part in parts):
        raise Refused("invalid_request", f"`{field}` is empty. Give it a `content`.", field=field)
    return Message("system" if message.role == "developer" else message.role, parts)


def _said(message: WireMessage, field: str) -> Iterator[Part]:
    """What a model answered, in the order in which models answer: thought, what its provider did, text, calls."""
    if is_said(message.function_call):
        raise Refused("unsupported", f"`{field}.function_call` is the old form; use `tool_calls`.", field=field)
    if is_said(message.audio):
        raise Refused("unsupported", f"`{field}.audio` is not taken here; send its transcript as text.", field=field)
    yield from _thoughts(message, field)
    if message.provider_specific_fields is not None:
        for block in message.provider_specific_fields.blocks or ():
            yield Foreign(block.dialect, block.type, block.block)
    yield from _parts(message, field)
    if message.refusal:
        yield Text(message.refusal)
    for call in message.tool_calls or ():
        yield _call(call, field)


def _thoughts(message: WireMessage, field: str) -> Iterator[Part]:
    """Blocks have what `reasoning_content` has, and their signatures."""
    if not message.thinking_blocks:
        if message.reasoning_content:
            yield Thinking(message.reasoning_content)
        return
    for block in message.thinking_blocks:
        match block.type:
            case "thinking":
                yield Thinking(block.thinking, block.signature or "")
            case "redacted_thinking":
                yield Thinking("", redacted=block.data)
            case other:
                raise Refused("unsupported", f"`{field}.thinking_blocks` has one of type {other!r}.", field=field)


def _call(call: ToolCall, field: str) -> ToolUse:
    if call.type != "function" or call.function is None:
        raise Refused("unsupported", f"`{field}` calls a tool of type {call.type!r}; only `function`.", field=field)
    return ToolUse(call.id, call.function.name, call.function.arguments)


def _result(message: WireMessage, field: str) -> ToolResult:
    if not message.tool_call_id:
        raise Refused("invalid_request", f"`{field}` is a tool's result without `tool_call_id`.", field=field)
    parts = tuple(_parts(message, field))  # none of them is thought, or calls a tool
    return ToolResult(
        message.tool_call_id, cast("tuple[Text | Image | Document | SearchResult | CachePoint | Foreign, ...]", parts)
    )


def _parts(message: WireMessage, field: str) -> Iterator[Part]:
    if message.content is None:
        return
    if isinstance(message.content, str):
        if message.content:
            yield Text(message.content)
        return
    for place, part in enumerate(message.content):
        yield _part(part, f"{field}.content[{place}]")
        if part.cache_control is not None:
            yield CachePoint(part.cache_control.ttl or "")
        elif is_said(part.prompt_cache_breakpoint):
            yield CachePoint()


def _part(part: ContentPart, field: str) -> Part:
    if part.type in {"text", "refusal"}:
        return Text(part.text or part.refusal)
    if part.type == "image_url" and part.image_url is not None:
        return _image(part.image_url, field)
    if part.type == "file" and part.file is not None:
        return _file(part.file, field)
    instead = _INSTEAD.get(part.type, "Send text, images by `image_url` or files by `file`.")
    raise Refused("unsupported", f"`{field}` is a part of type {part.type!r}. {instead}", field=field)


def _image(image: ImageURL, field: str) -> Image:
    detail = image.detail or ""
    if not image.url.startswith("data:"):
        return Image(url=image.url, detail=detail)
    media_type, data = _data_url(image.url, field)
    return Image(media_type, data, detail=detail)


def _file(file: FileData, field: str) -> Document:
    if file.file_id:
        message = f"`{field}` names a file by `file_id`: no files are kept here. Send it whole as `file_data`."
        raise Refused("unsupported", message, field=field)
    media_type, data = _data_url(file.file_data or "", field)
    return Document(media_type, data, name=file.filename or "")


def _data_url(url: str, field: str) -> tuple[str, bytes]:
    """Media type, without its parameters, and the decoded bytes."""
    head, comma, tail = url.partition(",")
    media_type, *parameters = head.removeprefix("data:").split(";")
    try:
        if not comma or not head.startswith("data:") or not media_type or "base64" not in parameters:
            raise ValueError
        return media_type, base64.b64decode(tail, validate=True)
    except (ValueError, binascii.Error) as error:
        message = f"`{field}` needs a data URL: `data:<media type>;base64,<data>`."
        raise Refused("invalid_request", message, field=field) from error
