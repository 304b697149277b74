"""From a body in the OpenAI dialect to the neutral chat."""

import base64
import binascii

import msgspec

from packhouse.domain.chat import ChatRequest, Message, OutputFormat, Tool, ToolChoice
from packhouse.domain.chat_part import Document, Image, Part, Text, ToolUse, text_result
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.openai.wire import (
    ChatBody,
    ContentPart,
    NamedTool,
    ToolDefinition,
    WireMessage,
)

_body = msgspec.json.Decoder(ChatBody)


def read_chat(body: bytes) -> ChatRequest:
    """Refused: malformed_json, invalid_request, unsupported."""
    wire = decode(_body, body)
    _refuse_unsupported(wire)
    return ChatRequest(
        model=wire.model,
        messages=tuple(_message(message, place) for place, message in enumerate(wire.messages)),
        output_tokens_max=wire.max_completion_tokens or wire.max_tokens,
        tools=tuple(_tool(tool) for tool in wire.tools or ()),
        tool_choice=_tool_choice(wire),
        output_format=_output_format(wire),
        temperature=_within("temperature", wire.temperature, low=0, high=2),
        top_p=_within("top_p", wire.top_p, low=0, high=1),
        stop=_stop(wire.stop),
        seed=wire.seed,
        presence_penalty=_within("presence_penalty", wire.presence_penalty, low=-2, high=2),
        frequency_penalty=_within("frequency_penalty", wire.frequency_penalty, low=-2, high=2),
    )


def _refuse_unsupported(wire: ChatBody) -> None:
    if wire.logprobs or wire.top_logprobs:
        raise Refused("unsupported", "This model reports no log probabilities. Leave `logprobs` out.", field="logprobs")
    if wire.logit_bias:
        raise Refused("unsupported", "This model takes no `logit_bias`. Leave it out.", field="logit_bias")
    if wire.modalities not in (None, ["text"]):
        raise Refused("unsupported", "Only text comes out. Leave `modalities` out.", field="modalities")


def _message(message: WireMessage, place: int) -> Message:
    field = f"messages[{place}]"
    if message.role == "function":
        raise Refused("unsupported", f"`{field}` has the old role `function`; use `tool`.", field=field)
    if message.role == "tool":
        if not message.tool_call_id:
            raise Refused("invalid_request", f"`{field}` is a tool's result without `tool_call_id`.", field=field)
        return Message("tool", (text_result(message.tool_call_id, _plain(message, field)),))
    parts = _parts(message, field)
    for call in message.tool_calls or ():
        parts.append(ToolUse(call.id, call.function.name, call.function.arguments))
    if not parts and message.role != "assistant":
        raise Refused("invalid_request", f"`{field}` is empty. Give it a `content`.", field=field)
    role = "system" if message.role == "developer" else message.role
    return Message(role, tuple(parts))


def _parts(message: WireMessage, field: str) -> list[Part]:
    if message.content is None:
        return []
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content else []
    return [_part(part, f"{field}.content[{place}]") for place, part in enumerate(message.content)]


def _plain(message: WireMessage, field: str) -> str:
    parts = _parts(message, field)
    return "".join(part.text for part in parts if isinstance(part, Text))


def _part(part: ContentPart, field: str) -> Part:
    if part.type in {"text", "refusal"}:
        return Text(part.text or part.refusal)
    if part.type == "image_url" and part.image_url is not None:
        url, detail = part.image_url.url, part.image_url.detail
        if url.startswith("data:"):
            media_type, data = _data_url(url, field)
            return Image(media_type=media_type, data=data, detail=detail)
        return Image(url=url, detail=detail)
    if part.type == "file" and part.file is not None and part.file.file_data:
        media_type, data = _data_url(part.file.file_data, field)
        return Document(media_type=media_type, data=data, name=part.file.filename)
    raise Refused("unsupported", f"`{field}` is a part of type {part.type!r} that is not taken here.", field=field)


def _data_url(url: str, field: str) -> tuple[str, bytes]:
    head, comma, tail = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    try:
        if not comma or not head.endswith(";base64"):
            raise ValueError
        return media_type, base64.b64decode(tail, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(
            "invalid_request", f"`{field}` needs a data URL: `data:<media type>;base64,<data>`.", field=field
        ) from error


def _tool(tool: ToolDefinition) -> Tool:
    if tool.type != "function" or tool.function is None:
        raise Refused("unsupported", f"Tools of type {tool.type!r} are not taken, only `function`.", field="tools")
    function = tool.function
    return Tool(function.name, function.description or "", function.parameters, function.strict or False)


def _tool_choice(wire: ChatBody) -> ToolChoice:
    parallel = wire.parallel_tool_calls is not False
    match wire.tool_choice:
        case None:
            return ToolChoice(parallel=parallel)
        case NamedTool(function=function):
            return ToolChoice("tool", function.name, parallel)
        case mode:
            return ToolChoice(mode, parallel=parallel)


def _output_format(wire: ChatBody) -> OutputFormat:
    wanted = wire.response_format
    if wanted is None:
        return OutputFormat()
    if wanted.type == "json_schema":
        schema = wanted.json_schema
        if schema is None:
            raise Refused(
                "invalid_request",
                "`response_format` of type `json_schema` needs `json_schema`.",
                field="response_format",
            )
        return OutputFormat("json_schema", schema.schema, schema.name, schema.strict or False)
    return OutputFormat(wanted.type)


def _within(field: str, value: float | None, *, low: float, high: float) -> float | None:
    if value is not None and not low <= value <= high:
        raise Refused("invalid_request", f"`{field}` must lie from {low} to {high}, not {value}.", field=field)
    return value


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)
