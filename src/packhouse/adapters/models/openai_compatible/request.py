"""From the neutral request to the dialect's body."""

import msgspec

from packhouse.adapters.models.openai_compatible import wire
from packhouse.adapters.models.openai_compatible.messages import MessageWriter
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatRequest, OutputFormat, ThinkingWish, Tool, ToolChoice
from packhouse.domain.chat_part import Foreign
from packhouse.domain.errors import Refused

_BETAS = "anthropic_beta"
"""Leave to use what a request may not even hold: what it does hold is refused by itself."""

_EFFORTS = ((4_096, "low"), (16_384, "medium"))
"""A budget of thought in tokens, and the effort that comes nearest; beyond these `high`."""

_CAPS = ("max_completion_tokens", "max_tokens")
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def chat_body(request: ChatRequest, *, stream: bool, ways: Ways) -> bytes:
    """The JSON body; a streamed one asks for usage. Raises `Refused` `unsupported`."""
    choice = request.tool_choice
    caps = {ways.output_cap_field or "max_tokens": request.output_tokens_max}
    body = wire.OutChat(
        model=request.model,
        messages=tuple(MessageWriter(takes_thinking=ways.takes_thinking).messages(request.messages)),
        max_tokens=caps.get("max_tokens"),
        max_completion_tokens=caps.get("max_completion_tokens"),
        tools=tuple(map(_tool, request.tools)),
        tool_choice=_choice(choice) if request.tools else None,
        parallel_tool_calls=False if request.tools and not choice.parallel else None,
        response_format=_format(request.output_format),
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=request.stop,
        seed=request.seed,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        reasoning_effort=request.effort or _effort(request.thinking),
        user=request.user,
        stream=stream,
        stream_options=wire.OutStreamOptions(include_usage=True) if stream and ways.asks_usage else None,
    )
    return _with_options(msgspec.json.encode(body), request)


def relayed_body(body: bytes, ways: Ways) -> bytes:
    """A body that is in this dialect already, in the words that its server takes."""
    if ways.asks_usage and ways.output_cap_field is None:
        return body
    fields = _fields.decode(body)
    if not ways.asks_usage:
        fields.pop("stream_options", None)
    if ways.output_cap_field is not None:
        caps = [cap for field in _CAPS if (cap := fields.pop(field, None)) is not None]
        fields |= {ways.output_cap_field: caps[0]} if caps else {}
    return msgspec.json.encode(fields)


def _tool(tool: Tool | Foreign) -> wire.OutTool | msgspec.Raw:
    if isinstance(tool, Tool):
        return wire.OutTool(wire.OutFunction(tool.name, tool.parameters, tool.description, tool.strict))
    if tool.dialect != "openai":
        raise Refused("unsupported", f"This model has no tool of type {tool.kind!r}.", field="tools")
    return tool.json


def _choice(choice: ToolChoice) -> str | wire.OutNamedTool:
    return wire.OutNamedTool(wire.OutName(choice.name)) if choice.mode == "tool" else choice.mode


def _format(wanted: OutputFormat) -> wire.OutFormat | None:
    if wanted.kind == "json_schema":
        name = wanted.name or "answer"
        return wire.OutFormat(wanted.kind, wire.OutSchema(name, wanted.schema, wanted.strict, wanted.description))
    return wire.OutFormat(wanted.kind) if wanted.kind == "json_object" else None


def _effort(wish: ThinkingWish | None) -> str:
    """The dialect knows efforts, no budgets; a model that thinks as it sees fit is told nothing."""
    if wish is None or wish.mode == "adaptive":
        return ""
    if wish.mode == "off":
        return "none"
    return next((effort for tokens, effort in _EFFORTS if wish.tokens_max <= tokens), "high")


def _with_options(body: bytes, request: ChatRequest) -> bytes:
    """The body with the fields that the caller wrote in this dialect, as they are."""
    more = dict[str, msgspec.Raw]()
    for option in request.options:
        if option.dialect == "openai":
            more[option.name] = option.json
        elif option.name != _BETAS:
            raise Refused("unsupported", f"This model has no option {option.name!r}.", field=option.name)
    return msgspec.json.encode(_fields.decode(body) | more) if more else body
