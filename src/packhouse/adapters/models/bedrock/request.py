"""From the neutral request to Converse's body."""

import msgspec

from packhouse.adapters.models.bedrock import wire
from packhouse.adapters.models.bedrock.blocks import BlockWriter, cache_point, foreign, is_blank
from packhouse.adapters.models.bedrock.family import Family, family_of
from packhouse.adapters.models.bedrock.fields import extras
from packhouse.domain.chat import ChatRequest, Message, OutputFormat, Tool, ToolChoice
from packhouse.domain.chat_part import CachePoint, Foreign, Text, ToolResult, ToolUse
from packhouse.domain.effort import with_effort
from packhouse.domain.errors import Refused

_JSON_ONLY = "Answer with one JSON object and nothing else: no words around it and no code fence."
_NOTHING = wire.OutNothing()
_AUTO: wire.OutToolChoice | None = None
"""What the service does where it is told no choice."""

_encoder = msgspec.json.Encoder()


def converse_body(request: ChatRequest) -> bytes:
    """The JSON body, for a whole answer or a streamed one.

    Messages of one role that follow each other become one, results of tools are the user's, and what the system says
    anywhere stands in front, as Converse wants it. `seed` and `user` are not passed on: the one is best effort by its
    definition, the other nobody else's business.

    Refused: unsupported, invalid_request.
    """
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(request, name):
            raise Refused("unsupported", f"This model has no {name}.", field=name)
    family = family_of(request.model)
    request = with_effort(request)
    system, messages = _conversation(request, family)
    more = extras(request, family)
    body = wire.OutConverse(
        messages=messages,
        system=tuple(system),
        inference_config=_inference(request),
        tool_config=_tools(request),
        output_config=_output(request),
        additional_model_request_fields=more.model_fields,
        **more.top_level,
    )
    return _encoder.encode(body)


def count_body(request: ChatRequest) -> bytes:
    """The body that asks how many input tokens the same request would be. Refused as above."""
    family = family_of(request.model)
    request = with_effort(request)
    system, messages = _conversation(request, family)
    counted = wire.OutCountedConverse(
        messages=messages,
        system=tuple(system),
        tool_config=_tools(request),
        additional_model_request_fields=extras(request, family).model_fields,
    )
    return _encoder.encode(wire.OutCount(wire.OutCounted(counted)))


def _conversation(request: ChatRequest, family: Family) -> tuple[list[wire.AnyBlock], list[wire.OutMessage]]:
    """What the system says, and the messages, whose roles alternate."""
    writer = BlockWriter(family)
    system: list[wire.AnyBlock] = []
    messages: list[wire.OutMessage] = []
    for message in request.messages:
        if message.role == "system":
            system += _system(message)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if messages and messages[-1].role == role:
            messages[-1].content.extend(writer.blocks(message.parts))
        elif blocks := list(writer.blocks(message.parts)):
            messages.append(wire.OutMessage(role, blocks))
    if request.output_format.kind == "json_object":
        system.append(wire.Block(text=_JSON_ONLY))
    if request.cache_point is not None and messages:
        messages[-1].content.append(wire.Block(cache_point=cache_point(request.cache_point)))
    return system, messages


def _system(message: Message) -> list[wire.AnyBlock]:
    blocks: list[wire.AnyBlock] = []
    for part in message.parts:
        match part:
            case Text(text):
                if not is_blank(text):
                    blocks.append(wire.Block(text=text))
            case CachePoint():
                blocks.append(wire.Block(cache_point=cache_point(part)))
            case Foreign():
                blocks.append(foreign(part))
            case _:
                raise Refused("unsupported", "This model takes texts only as system messages.", field="messages")
    return blocks


def _inference(request: ChatRequest) -> wire.OutInference | None:
    config = wire.OutInference(request.output_tokens_max, request.temperature, request.top_p, request.stop)
    return config if config != _NO_INFERENCE else None


_NO_INFERENCE = wire.OutInference()


def _tools(request: ChatRequest) -> wire.OutTools | None:
    """The tools with the choice between them.

    Converse cannot say that no tool is to be called. So the tools stay out then, but for a conversation in which
    tools were called: that is refused without its tools, and the model may call one again.
    """
    choice = request.tool_choice
    if not request.tools or choice.mode == "none":
        used = _used_in(request)
        if not used:
            return None
        tools = request.tools or tuple(Tool(name) for name in used)
        return _listed(tools, _AUTO)
    return _listed(request.tools, _choice(choice))


def _listed(tools: tuple[Tool | Foreign, ...], choice: wire.OutToolChoice | None) -> wire.OutTools | None:
    """Claude's own tools are not Converse's: they travel in the model's fields."""
    listed: list[wire.OutTool | msgspec.Raw] = []
    for tool in tools:
        if isinstance(tool, Tool):
            schema = wire.OutSchema(tool.parameters)
            listed.append(wire.OutTool(wire.OutToolSpec(tool.name, schema, tool.description, tool.strict)))
            if tool.cache_point is not None:
                listed.append(wire.OutTool(cache_point=cache_point(tool.cache_point)))
        elif tool.dialect != "anthropic":
            listed.append(foreign(tool))
    return wire.OutTools(tuple(listed), choice) if listed else None


def _used_in(request: ChatRequest) -> tuple[str, ...]:
    """The names of the tools that the conversation has calls of, each once."""
    names = dict[str, None]()
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolUse):
                names[part.name] = None
            elif isinstance(part, ToolResult) and not names:
                names["unknown"] = None
    return tuple(names)


def _choice(choice: ToolChoice) -> wire.OutToolChoice | None:
    if choice.mode == "tool":
        return wire.OutToolChoice(tool=wire.OutName(choice.name))
    return wire.OutToolChoice(any=_NOTHING) if choice.mode == "required" else _AUTO


def _output(request: ChatRequest) -> wire.OutOutput | None:
    effort = request.effort
    text_format = _format(request.output_format)
    return wire.OutOutput(text_format, effort) if effort or text_format is not None else None


def _format(wanted: OutputFormat) -> wire.OutTextFormat | None:
    if wanted.kind != "json_schema":
        return None
    schema = wire.OutJsonSchema(bytes(wanted.schema).decode(), wanted.name, wanted.description)
    return wire.OutTextFormat("json_schema", wire.OutStructure(schema))
