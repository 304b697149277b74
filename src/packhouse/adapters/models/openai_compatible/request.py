"""From the neutral request to the dialect's body."""

import base64
from collections.abc import Iterator
from typing import Literal

import msgspec

from packhouse.adapters.models.openai_compatible import wire
from packhouse.domain.chat import ChatRequest, Message, OutputFormat, Tool, ToolChoice
from packhouse.domain.chat_part import (
    CachePoint,
    Document,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from packhouse.domain.errors import Refused

OutputCapField = Literal["max_tokens", "max_completion_tokens"]


def chat_body(request: ChatRequest, *, stream: bool, cap_field: OutputCapField) -> bytes:
    """The JSON body; a streamed one asks for usage. Raises `Refused` `unsupported`."""
    choice = request.tool_choice
    caps = {cap_field: request.output_tokens_max}
    body = wire.OutChat(
        model=request.model,
        messages=tuple(message for given in request.messages for message in _messages(given)),
        max_tokens=caps.get("max_tokens"),
        max_completion_tokens=caps.get("max_completion_tokens"),
        tools=tuple(_tool(tool) for tool in request.functions),
        tool_choice=_choice(choice) if request.tools else None,
        parallel_tool_calls=False if request.tools and not choice.parallel else None,
        response_format=_format(request.output_format),
        temperature=request.temperature,
        top_p=request.top_p,
        stop=request.stop,
        seed=request.seed,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        stream=stream,
        stream_options=wire.OutStreamOptions(include_usage=True) if stream else None,
    )
    return msgspec.json.encode(body)


def _messages(message: Message) -> Iterator[wire.OutMessage]:
    """One neutral message is several here where it holds tool results: each is a message of its own."""
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield wire.OutMessage("tool", part.text, tool_call_id=part.tool_use_id)
    calls = tuple(
        wire.OutToolCall(part.id, wire.OutCalledFunction(part.name, part.arguments or "{}"))
        for part in message.parts
        if isinstance(part, ToolUse)
    )
    said = [_part(part) for part in message.parts if not isinstance(part, ToolResult | ToolUse | Thinking | CachePoint)]
    if calls or said:
        yield wire.OutMessage(message.role, _content(said), tool_calls=calls)


def _content(parts: list[wire.OutPart]) -> str | tuple[wire.OutPart, ...] | None:
    """One text goes as a plain string, which every server takes."""
    if not parts:
        return None
    first = parts[0]
    return first.text if len(parts) == 1 and isinstance(first, wire.OutText) else tuple(parts)


def _part(part: Part) -> wire.OutPart:
    match part:
        case Text(text):
            return wire.OutText(text)
        case Image(data=b"", url=url, detail=detail):
            return wire.OutImage(wire.OutUrl(url, detail))
        case Image(media_type, data, detail=detail):
            return wire.OutImage(wire.OutUrl(_data_url(media_type, data), detail))
        case Document(blocks=blocks) if blocks:
            return wire.OutText("\n\n".join(blocks))
        case SearchResult(source=source, title=title, blocks=blocks):
            return wire.OutText("\n".join((title, source, *blocks)))
        case Document(data=b""):
            raise Refused("unsupported", "This model's server takes documents by value only, not by URL.")
        case Document(media_type, data, name=name):
            return wire.OutDocument(wire.OutFile(_data_url(media_type, data), name))
        case _:
            raise AssertionError(f"{type(part).__name__} is no content of a message here")


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _tool(tool: Tool) -> wire.OutTool:
    return wire.OutTool(wire.OutFunction(tool.name, tool.parameters, tool.description, tool.strict))


def _choice(choice: ToolChoice) -> str | wire.OutNamedTool:
    return wire.OutNamedTool(wire.OutName(choice.name)) if choice.mode == "tool" else choice.mode


def _format(wanted: OutputFormat) -> wire.OutFormat | None:
    if wanted.kind == "json_schema":
        return wire.OutFormat(wanted.kind, wire.OutSchema(wanted.name or "answer", wanted.schema, wanted.strict))
    return wire.OutFormat(wanted.kind) if wanted.kind == "json_object" else None
