"""From the neutral request to a messages body."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.adapters.models.anthropic import wire
from packhouse.adapters.models.anthropic.blocks import cache
from packhouse.adapters.models.anthropic.conversation import conversation
from packhouse.domain.chat import ChatRequest, ThinkingWish, Tool, ToolChoice
from packhouse.domain.chat_part import Foreign
from packhouse.domain.effort import with_effort
from packhouse.domain.errors import Refused

BETA_OPTION = "anthropic_beta"
"""The option that becomes the `anthropic-beta` header."""

_UNTAKEN = ("presence_penalty", "frequency_penalty")
_CHOICES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
_COUNTED = frozenset(
    {"messages", "model", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"}
)
"""What the count of tokens looks at."""

_BETA = re.compile(r"[\w.:-]+", re.ASCII)
_words = msgspec.json.Decoder(list[str])

JSON_ALONE = "Answer with one JSON object and nothing else."


def messages_body(request: ChatRequest, *, stream: bool) -> bytes:
    """The JSON body. `seed` is not passed on: it is best effort by its definition.

    Refused: unsupported, invalid_request.
    """
    body = _body(request)
    body = msgspec.structs.replace(
        body, max_tokens=request.output_tokens_max or wire.UNSET, stream=stream or wire.UNSET
    )
    return _with_options(msgspec.json.encode(body), request)


def count_body(request: ChatRequest) -> bytes:
    """The body that asks how many input tokens the same request would be. Refused as above."""
    fields = msgspec.json.decode(
        _with_options(msgspec.json.encode(_body(request)), request), type=dict[str, msgspec.Raw]
    )
    return msgspec.json.encode({name: value for name, value in fields.items() if name in _COUNTED})


def betas_of(request: ChatRequest) -> str:
    """The header's value; empty: none. Refused: invalid_request."""
    return ",".join(beta for option in request.options if option.name == BETA_OPTION for beta in _betas(option.json))


def _betas(json: msgspec.Raw) -> list[str]:
    """They may come from a body, and go into a line of the head."""
    try:
        named = _words.decode(json)
    except msgspec.DecodeError:
        named = [""]
    if not all(_BETA.fullmatch(beta) for beta in named):
        raise Refused("invalid_request", f"`{BETA_OPTION}` must be a list of names.", field=BETA_OPTION)
    return named


def _body(request: ChatRequest) -> wire.OutMessages:
    request = with_effort(request)
    for name in _UNTAKEN:
        if getattr(request, name):
            raise Refused("unsupported", f"This model takes no `{name}`. Leave it out.", field=name)
    system, turns = conversation(request)
    if request.output_format.kind == "json_object":
        system.append(wire.OutText(JSON_ALONE))
    return wire.OutMessages(
        model=request.model,
        messages=tuple(wire.OutMessage(turn.role, tuple(turn.blocks)) for turn in turns),
        system=tuple(system) or wire.UNSET,
        stop_sequences=request.stop or wire.UNSET,
        temperature=_or_unset(request.temperature),
        top_p=_or_unset(request.top_p),
        top_k=wire.UNSET if request.top_k is None else request.top_k,
        tools=tuple(map(_tool, request.tools)) or wire.UNSET,
        tool_choice=_choice(request.tool_choice) if request.tools else wire.UNSET,
        thinking=_thinking(request.thinking) if request.thinking else wire.UNSET,
        output_config=_output(request),
        metadata=wire.OutMetadata(request.user) if request.user else wire.UNSET,
        cache_control=cache(request.cache_point) if request.cache_point else wire.UNSET,
    )


def _or_unset(value: float | None) -> float | msgspec.UnsetType:
    return wire.UNSET if value is None else value


def _tool(tool: Tool | Foreign) -> wire.OutTool | msgspec.Raw:
    if isinstance(tool, Foreign):
        if tool.dialect != "anthropic":
            raise Refused("unsupported", f"This model has no tool of type {tool.kind!r}.", field="tools")
        return tool.json
    point = cache(tool.cache_point) if tool.cache_point else wire.UNSET
    return wire.OutTool(tool.name, tool.parameters, tool.description or wire.UNSET, tool.strict or wire.UNSET, point)


def _choice(choice: ToolChoice) -> wire.OutChoice | msgspec.UnsetType:
    if choice.mode == "auto" and choice.parallel:
        return wire.UNSET
    parallel = wire.UNSET if choice.parallel or choice.mode == "none" else True
    return wire.OutChoice(_CHOICES[choice.mode], choice.name or wire.UNSET, parallel)


def _thinking(wish: ThinkingWish) -> wire.OutWish:
    kind = {"off": "disabled", "budget": "enabled", "adaptive": "adaptive"}[wish.mode]
    return wire.OutWish(kind, wish.tokens_max or wire.UNSET, wish.display or wire.UNSET)


def _output(request: ChatRequest) -> msgspec.Raw | msgspec.UnsetType:
    """Effort, format, and whatever else of it the caller wrote in this dialect."""
    said = dict[str, Any]()
    for option in request.options:
        if option.name == "output_config":
            said |= msgspec.json.decode(option.json, type=dict[str, msgspec.Raw])
    if request.effort:
        said["effort"] = request.effort
    if request.output_format.kind == "json_schema":
        said["format"] = wire.OutFormat(request.output_format.schema)
    return msgspec.Raw(msgspec.json.encode(said)) if said else wire.UNSET


def _with_options(body: bytes, request: ChatRequest) -> bytes:
    """The body with the fields that the caller wrote in this dialect, as they are."""
    more = list(_options(request))
    if not more:
        return body
    return body[:-1] + b"".join(b"," + msgspec.json.encode(name) + b":" + bytes(json) for name, json in more) + b"}"


def _options(request: ChatRequest) -> Iterator[tuple[str, msgspec.Raw]]:
    for option in request.options:
        if option.dialect != "anthropic":
            raise Refused("unsupported", f"This model has no option {option.name!r}.", field=option.name)
        if option.name not in {BETA_OPTION, "output_config"}:
            yield option.name, option.json
