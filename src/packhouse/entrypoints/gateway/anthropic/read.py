"""From a body in Anthropic's dialect to the neutral chat."""

import msgspec

from packhouse.domain.chat import (
    ChatRequest,
    ForeignOption,
    Message,
    OutputFormat,
    ThinkingWish,
    Tool,
    ToolChoice,
)
from packhouse.domain.chat_part import CachePoint, Foreign, Text
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.anthropic import wire
from packhouse.entrypoints.gateway.anthropic.parts import parts_of, read
from packhouse.entrypoints.gateway.decode import decode

BETA_OPTION = "anthropic_beta"
"""The option that carries the betas of the header, as a JSON list."""

_HARMLESS = frozenset(
    {"anthropic_version", "betas", "diagnostics", "inference_geo", "packhouse", "service_tier", "speed", "stream"}
)
"""Fields that change nothing of an answer's content: left out where the provider does not know them."""

_KNOWN = frozenset(wire.MessagesBody.__struct_fields__) | _HARMLESS
_body = msgspec.json.Decoder(wire.MessagesBody)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_options = msgspec.json.Decoder(dict[str, msgspec.Raw])
_typed = msgspec.json.Decoder(wire.Typed)
_tool = msgspec.json.Decoder(wire.CustomTool)
_CHOICES = {"auto": "auto", "any": "required", "none": "none", "tool": "tool"}


def read_messages(body: bytes, *, betas: str = "") -> ChatRequest:
    """`betas` is the `anthropic-beta` header. Refused: malformed_json, invalid_request, unsupported."""
    given = decode(_body, body)
    if not given.messages:
        raise Refused("invalid_request", "`messages` must be a list with at least one message.", field="messages")
    system = tuple(parts_of(given.system, "system")) if given.system else ()
    messages = tuple(_message(message, place) for place, message in enumerate(given.messages))
    output = given.output_config or wire.OutputConfig()
    return ChatRequest(
        model=given.model,
        messages=(Message("system", system), *messages) if system else messages,
        output_tokens_max=given.max_tokens,
        tools=tuple(_read_tool(tool, place) for place, tool in enumerate(given.tools or ())),
        tool_choice=_choice(given.tool_choice, any_tools=bool(given.tools)),
        output_format=OutputFormat("json_schema", output.format.schema) if output.format else OutputFormat(),
        temperature=given.temperature,
        top_p=given.top_p,
        top_k=given.top_k,
        stop=tuple(given.stop_sequences or ()),
        thinking=_thinking(given.thinking),
        effort=output.effort or "",
        user=(given.metadata.user_id or "") if given.metadata else "",
        cache_point=CachePoint(given.cache_control.ttl or "") if given.cache_control else None,
        options=_more(body, betas),
    )


def _message(message: wire.WireMessage, place: int) -> Message:
    field = f"messages[{place}].content"
    parts = tuple(parts_of(message.content, field))
    if message.role != "assistant" and all(isinstance(part, Text) and not part.text.strip() for part in parts):
        raise Refused("invalid_request", f"`{field}` is empty.", field=field)
    return Message(message.role, parts)


def _read_tool(tool: msgspec.Raw, place: int) -> Tool | Foreign:
    field = f"tools[{place}]"
    typed = read(_typed, tool, field=field)
    if typed.type and typed.type != "custom":
        return Foreign("anthropic", typed.type, tool)
    own = read(_tool, tool, field=field)
    if own.defer_loading:
        return Foreign("anthropic", "custom with defer_loading", tool)  # a tool of the provider's own loads it
    point = CachePoint(typed.cache_control.ttl or "") if typed.cache_control else None
    return Tool(own.name, own.description or "", own.input_schema, own.strict or False, point)


def _choice(choice: wire.WireToolChoice | None, *, any_tools: bool) -> ToolChoice:
    if choice is None:
        return ToolChoice()
    mode = _CHOICES[choice.type]
    if mode in {"required", "tool"} and not any_tools:
        raise Refused("invalid_request", "`tool_choice` wants a tool and there are no `tools`.", field="tool_choice")
    return msgspec.convert(
        {"mode": mode, "name": choice.name, "parallel": not choice.disable_parallel_tool_use}, ToolChoice
    )


def _thinking(wish: wire.WireThinking | None) -> ThinkingWish | None:
    if wish is None:
        return None
    if wish.type == "enabled":
        return ThinkingWish("budget", wish.budget_tokens, wish.display or "")
    return ThinkingWish("adaptive" if wish.type == "adaptive" else "off", display=wish.display or "")


def _more(body: bytes, betas: str) -> tuple[ForeignOption, ...]:
    """Fields that this dialect alone knows; null says nothing."""
    fields = _fields.decode(body)
    found = [
        ForeignOption("anthropic", name, value)
        for name, value in fields.items()
        if name not in _KNOWN and bytes(value) != b"null"
    ]
    config = fields.get("output_config")
    if config is not None and bytes(config) != b"null":
        known = wire.OutputConfig.__struct_fields__
        rest = {name: value for name, value in _options.decode(config).items() if name not in known}
        if rest:
            found.append(ForeignOption("anthropic", "output_config", msgspec.Raw(msgspec.json.encode(rest))))
    if named := [beta.strip() for beta in betas.split(",") if beta.strip()]:
        found.append(ForeignOption("anthropic", BETA_OPTION, msgspec.Raw(msgspec.json.encode(named))))
    return tuple(found)
