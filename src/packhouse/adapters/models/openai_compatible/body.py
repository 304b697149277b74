"""From the neutral chat to a body in the OpenAI dialect."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from packhouse.domain.chat import (
    ChatRequest,
    Document,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)


def chat_body(request: ChatRequest, *, stream: bool) -> bytes:
    """The cap is always sent; a stream is asked for its usage."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [wire for message in request.messages for wire in _messages(message)],
        "max_tokens": request.output_tokens_max,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        "response_format": _format(request),
        **_tools(request.tools, request.tool_choice),
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode({name: value for name, value in body.items() if value is not None})


def _messages(message: Message) -> list[dict[str, Any]]:
    """A message of the neutral chat; each tool result is a message of its own in this dialect."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if results:
        return [{"role": "tool", "tool_call_id": each.tool_use_id, "content": each.text} for each in results]
    wire: dict[str, Any] = {"role": message.role, "content": _content(message.parts)}
    uses = [part for part in message.parts if isinstance(part, ToolUse)]
    if uses:
        wire["tool_calls"] = [
            {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": use.arguments or "{}"}}
            for use in uses
        ]
    return [wire]


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]] | None:
    shown = [part for part in parts if not isinstance(part, ToolUse | Thinking | ToolResult)]
    if all(isinstance(part, Text) for part in shown):
        text = "".join(part.text for part in shown if isinstance(part, Text))
        return text if shown else None
    return [_part(part) for part in shown]


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text=text):
            return {"type": "text", "text": text}
        case Image(media_type=media_type, data=data, url=url, detail=detail):
            image = {"url": url or _data_url(media_type, data)}
            return {"type": "image_url", "image_url": image | ({"detail": detail} if detail else {})}
        case Document(media_type=media_type, data=data, name=name):
            return {"type": "file", "file": {"filename": name, "file_data": _data_url(media_type, data)}}
        case _:
            raise AssertionError(type(part).__name__)


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _tools(tools: Sequence[Tool], choice: ToolChoice) -> dict[str, Any]:
    if not tools:
        return {}
    wire: dict[str, Any] = {
        "tools": [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
                | ({"strict": True} if tool.strict else {}),
            }
            for tool in tools
        ]
    }
    if choice.mode == "tool":
        wire["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice.mode != "auto":
        wire["tool_choice"] = choice.mode
    if not choice.parallel:
        wire["parallel_tool_calls"] = False
    return wire


def _format(request: ChatRequest) -> dict[str, Any] | None:
    wanted = request.output_format
    match wanted.kind:
        case "text":
            return None
        case "json_object":
            return {"type": "json_object"}
        case "json_schema":
            schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
            return {"type": "json_schema", "json_schema": schema | ({"strict": True} if wanted.strict else {})}
