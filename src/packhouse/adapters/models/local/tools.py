"""Tools for a model that has none: a JSON schema leaves it the choice between the tools and an answer.

The models that run here do not call tools by themselves, and llama.cpp ignores `tool_choice` without a word. With
the choice as a grammar, and told by example, the JSON is always right and the choice mostly.
"""

from typing import Any, cast

import msgspec

from packhouse.domain.chat import ChatRequest, Tool
from packhouse.domain.chat_part import Part, Text, ToolUse
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

EXAMPLES = (
    ("Convert 20 kilometres to miles.", '{"tool":"convert","arguments":{"value":20,"from":"km","to":"mi"}}'),
    ("Good morning!", '{"answer":"Good morning! How can I help?"}'),
    ("Where is my parcel to Lyon?", '{"tool":"track_parcel","arguments":{"city":"Lyon"}}'),
)
"""Turns that come before the conversation and show a small model how it is done, with tools of their own."""


class _Choice(Content, frozen=True):
    """What the model writes: a tool with its arguments, or an answer."""

    tool: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")
    answer: str | None = None


class Toolbox(Content, frozen=True):
    """The tools of a request: `schema` (JSON) is what an answer must fit, `instruction` tells the model of them."""

    schema: msgspec.Raw
    instruction: str


def toolbox_of(request: ChatRequest) -> Toolbox | None:
    """None where the model is to answer without tools. Refused: invalid_request, unsupported."""
    tools = _offered(request)
    if not tools:
        return None
    if request.output_format.kind != "text":
        raise Refused("unsupported", "The local text model takes tools or a JSON schema, not both.", field="tools")
    must = request.tool_choice.mode != "auto"
    choices = [_call_schema(tool, at=f"#/anyOf/{index}") for index, tool in enumerate(tools)]
    if not must:
        choices.append(_object({"answer": {"type": "string"}}))
    return Toolbox(msgspec.Raw(msgspec.json.encode({"anyOf": choices})), _instruction(tools, must=must))


def written_call(name: str, arguments: str) -> str:
    """A call as the model writes it."""
    return f'{{"tool":{msgspec.json.encode(name).decode()},"arguments":{arguments or "{}"}}}'


def chosen(written: str, call_id: str) -> Part | None:
    """What the model chose; None where it did not come to an end."""
    try:
        choice = msgspec.json.decode(written, type=_Choice)
    except msgspec.DecodeError:
        return None
    if choice.answer is not None:
        return Text(choice.answer)
    return ToolUse(call_id, choice.tool, bytes(choice.arguments).decode())


def _offered(request: ChatRequest) -> tuple[Tool, ...]:
    match request.tool_choice.mode:
        case "none":
            return ()
        case "tool":
            named = tuple(tool for tool in request.functions if tool.name == request.tool_choice.name)
            if not named:
                raise Refused("invalid_request", "`tool_choice` names none of the tools.", field="tool_choice")
            return named
        case "required":
            if not request.tools:
                raise Refused("invalid_request", "`tool_choice` asks for a tool; there is none.", field="tools")
            return request.functions
        case "auto":
            return request.functions


def _call_schema(tool: Tool, *, at: str) -> dict[str, Any]:
    try:
        arguments = msgspec.json.decode(tool.parameters)
    except msgspec.DecodeError as error:
        raise Refused("invalid_request", "The schema of a tool is not JSON.", field="tools") from error
    if not isinstance(arguments, dict):
        raise Refused("invalid_request", "The schema of a tool is not a JSON object.", field="tools")
    moved = _moved(cast("object", arguments), to=f"{at}/properties/arguments")
    return _object({"tool": {"const": tool.name}, "arguments": moved})


def _moved(schema: object, *, to: str) -> object:
    """The schema with its references pointing to where it lies now."""
    match schema:
        case dict():
            parts = cast("dict[str, object]", schema)
            return {key: _reference(key, value, to=to) for key, value in parts.items()}
        case list():
            return [_moved(part, to=to) for part in cast("list[object]", schema)]
        case _:
            return schema


def _reference(key: str, value: object, *, to: str) -> object:
    if key == "$ref" and isinstance(value, str) and value.startswith("#"):
        return to + value.removeprefix("#")
    return _moved(value, to=to)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _instruction(tools: tuple[Tool, ...], *, must: bool) -> str:
    lines = ["You have tools. Call the one that helps by writing JSON."]
    lines += [f"- {tool.name}: {tool.description} Arguments: {bytes(tool.parameters).decode()}" for tool in tools]
    if not must:
        lines.append('Where no tool helps, answer yourself: {"answer": "your words"}')
    return "\n".join(lines)
