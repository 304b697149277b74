"""From a body in the OpenAI dialect to the neutral chat."""

from collections.abc import Sequence

import msgspec

from packhouse.domain.chat import ChatRequest, ForeignOption, OutputFormat, ThinkingWish, Tool, ToolChoice
from packhouse.domain.chat_part import CachePoint
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.openai.parts import message_of
from packhouse.entrypoints.gateway.openai.wire import (
    EMPTY_SCHEMA,
    AllowedTools,
    ChatBody,
    ThinkingOption,
    ToolChoiceObject,
    ToolDefinition,
    is_said,
)

_HARMLESS = frozenset(
    {
        "metadata",
        "n",
        "packhouse",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "verbosity",
    }
)
"""Fields that change nothing of what an answer says: left out where the provider does not know them."""

_KNOWN = frozenset(ChatBody.__struct_fields__) | _HARMLESS
_body = msgspec.json.Decoder(ChatBody)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_chat(body: bytes) -> ChatRequest:
    """Refused: malformed_json, invalid_request, unsupported."""
    wire = decode(_body, body)
    _refuse_unsupported(wire)
    tools = tuple(_tool(tool, f"tools[{place}]") for place, tool in enumerate(wire.tools or ()))
    chosen = wire.tool_choice if isinstance(wire.tool_choice, ToolChoiceObject) else None
    return ChatRequest(
        model=wire.model,
        messages=tuple(message_of(message, place) for place, message in enumerate(wire.messages)),
        output_tokens_max=wire.max_tokens if wire.max_completion_tokens is None else wire.max_completion_tokens,
        tools=_allowed(tools, chosen.allowed_tools) if chosen and chosen.allowed_tools else tools,
        tool_choice=_tool_choice(wire, tools),
        output_format=_output_format(wire),
        temperature=_within("temperature", wire.temperature, low=0, high=2),
        top_p=_within("top_p", wire.top_p, low=0, high=1),
        top_k=wire.top_k,
        stop=_stop(wire.stop),
        seed=wire.seed,
        presence_penalty=_within("presence_penalty", wire.presence_penalty, low=-2, high=2),
        frequency_penalty=_within("frequency_penalty", wire.frequency_penalty, low=-2, high=2),
        thinking=_thinking(wire.thinking),
        effort=wire.reasoning_effort or "",
        user=wire.user or wire.safety_identifier or "",
        options=_options(body),
    )


def refuse_log_probabilities(*, logprobs: bool | None, top_logprobs: int | None) -> None:
    """Refused(unsupported) where any are wanted: few providers report them, so no caller may build on them."""
    if logprobs or top_logprobs:
        raise Refused("unsupported", "No log probabilities are reported. Leave `logprobs` out.", field="logprobs")


def _refuse_unsupported(wire: ChatBody) -> None:
    refuse_log_probabilities(logprobs=wire.logprobs, top_logprobs=wire.top_logprobs)
    if wire.logit_bias:
        raise Refused("unsupported", "This model takes no `logit_bias`. Leave it out.", field="logit_bias")
    if wire.modalities not in (None, ["text"]):
        raise Refused("unsupported", "Only text comes out. Leave `modalities` out.", field="modalities")
    if is_said(wire.audio):
        raise Refused("unsupported", "Only text comes out. Leave `audio` out.", field="audio")
    if is_said(wire.functions):
        raise Refused("unsupported", "`functions` is the old form. Use `tools`.", field="functions")
    if is_said(wire.function_call):
        raise Refused("unsupported", "`function_call` is the old form. Use `tool_choice`.", field="function_call")


def _tool(tool: ToolDefinition, field: str) -> Tool:
    if tool.type != "function" or tool.function is None:
        message = f"`{field}` is of type {tool.type!r}. Only tools of type `function`, with a JSON schema, are taken."
        raise Refused("unsupported", message, field=field)
    function = tool.function
    parameters = function.parameters if is_said(function.parameters) else EMPTY_SCHEMA
    if not bytes(parameters).startswith(b"{"):
        raise Refused("invalid_request", f"`{field}.function.parameters` must be a JSON schema.", field=field)
    point = CachePoint(tool.cache_control.ttl or "") if tool.cache_control else None
    return Tool(function.name, function.description or "", parameters, function.strict or False, point)


def _tool_choice(wire: ChatBody, tools: Sequence[Tool]) -> ToolChoice:
    parallel = wire.parallel_tool_calls is not False
    match wire.tool_choice:
        case None:
            return ToolChoice(parallel=parallel)
        case ToolChoiceObject(allowed_tools=allowed) if allowed is not None:
            return ToolChoice(allowed.mode, parallel=parallel)
        case ToolChoiceObject(type=kind, function=function):
            if kind != "function" or function is None:
                message = f"`tool_choice` is of type {kind!r}. Only `function` and `allowed_tools` are taken."
                raise Refused("unsupported", message, field="tool_choice")
            _check_named({function.name}, tools)
            return ToolChoice("tool", function.name, parallel)
        case mode:
            if mode == "required" and not tools:
                raise Refused(
                    "invalid_request", "`tool_choice` wants a tool and there are no `tools`.", field="tool_choice"
                )
            return ToolChoice(mode, parallel=parallel)


def _allowed(tools: Sequence[Tool], allowed: AllowedTools) -> tuple[Tool, ...]:
    """Only those that may be called: nobody else has a word for tools that are known and not allowed."""
    names = {tool.function.name for tool in allowed.tools if tool.function is not None}
    _check_named(names, tools)
    return tuple(tool for tool in tools if tool.name in names)


def _check_named(names: set[str], tools: Sequence[Tool]) -> None:
    if strange := names - {tool.name for tool in tools}:
        message = f"`tool_choice` names {min(strange)!r}, which is none of `tools`."
        raise Refused("invalid_request", message, field="tool_choice")


def _output_format(wire: ChatBody) -> OutputFormat:
    wanted = wire.response_format
    if wanted is None:
        return OutputFormat()
    if wanted.type != "json_schema":
        return OutputFormat(wanted.type)
    schema = wanted.json_schema
    if schema is None:
        message = "`response_format` of type `json_schema` needs `json_schema`."
        raise Refused("invalid_request", message, field="response_format")
    return OutputFormat("json_schema", schema.schema, schema.name, schema.strict or False, schema.description or "")


def _thinking(option: ThinkingOption | None) -> ThinkingWish | None:
    if option is None:
        return None
    if option.type == "enabled":
        return ThinkingWish("budget", option.budget_tokens, option.display or "")
    return ThinkingWish("adaptive" if option.type == "adaptive" else "off", display=option.display or "")


def _options(body: bytes) -> tuple[ForeignOption, ...]:
    """What servers of this dialect alone know, and others refuse by name."""
    return tuple(
        ForeignOption("openai", name, value)
        for name, value in decode(_fields, body).items()
        if name not in _KNOWN and is_said(value)
    )


def _within(field: str, value: float | None, *, low: float, high: float) -> float | None:
    if value is not None and not low <= value <= high:
        raise Refused("invalid_request", f"`{field}` must lie from {low} to {high}, not {value}.", field=field)
    return value


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)
