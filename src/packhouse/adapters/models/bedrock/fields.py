"""What Converse has no word for: fields of the model's own, and what callers wrote in Bedrock's or Claude's dialect."""

from collections.abc import Mapping

import msgspec

from packhouse.adapters.models.bedrock.family import Family
from packhouse.domain.chat import ChatRequest, ForeignOption, ThinkingWish
from packhouse.domain.chat_part import Foreign
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused

_MODEL_FIELDS = "additionalModelRequestFields"
_TOP_LEVEL = {
    "additionalModelResponseFieldPaths": "additional_model_response_field_paths",
    "guardrailConfig": "guardrail_config",
    "performanceConfig": "performance_config",
    "projectIdentifier": "project_identifier",
    "promptVariables": "prompt_variables",
    "requestMetadata": "request_metadata",
    "serviceTier": "service_tier",
}
_BETAS = "anthropic_beta"
_PLATFORM_BETAS = (
    "claude-code-",
    "code-execution-",
    "extended-cache-ttl-",
    "files-api-",
    "mcp-client-",
    "message-batches-",
    "oauth-",
    "pdfs-",
    "prompt-caching-",
    "skills-",
    "token-counting-",
)
"""Betas of Anthropic's own platform: Bedrock has these things without asking, or not at all."""
_STOP_SEQUENCE = msgspec.Raw(b'["/stop_sequence"]')

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_words = msgspec.json.Decoder(list[str])


class Extras(Content, frozen=True):
    """`model_fields` is the object for the model itself, None where there is nothing to say to it; `top_level` are
    further fields of the request, by their names in `wire.OutConverse`."""

    model_fields: msgspec.Raw | None
    top_level: Mapping[str, msgspec.Raw]


_NONE = Extras(None, {})


def extras(request: ChatRequest, family: Family) -> Extras:
    """Refused: unsupported, for what the model cannot do; invalid_request."""
    top_level = {"additional_model_response_field_paths": _STOP_SEQUENCE} if request.stop and family == "claude" else {}
    wishes = (request.thinking, request.top_k, request.options, request.tools)
    if not any(wishes) and request.top_k is None:
        return Extras(None, top_level) if top_level else _NONE
    fields = _wished(request, family)
    for option in request.options:
        if option.dialect == "bedrock" and option.name in _TOP_LEVEL:
            top_level[_TOP_LEVEL[option.name]] = option.json
        elif option.dialect == "bedrock" and option.name == _MODEL_FIELDS:
            fields |= _fields_of(option.json)
        elif option.dialect == "anthropic" and family == "claude":
            fields |= _of_claude(option)
        else:
            raise Refused("unsupported", f"This model has no option {option.name!r}.", field=option.name)
    return Extras(msgspec.Raw(msgspec.json.encode(fields)) if fields else None, top_level)


def _of_claude(option: ForeignOption) -> dict[str, msgspec.Raw]:
    """The option as it is, but for betas that Bedrock would refuse the whole request for."""
    if option.name != _BETAS:
        return {option.name: option.json}
    try:
        named = [beta for beta in _words.decode(option.json) if not beta.startswith(_PLATFORM_BETAS)]
    except msgspec.DecodeError as error:
        raise Refused("invalid_request", f"{_BETAS} must be a list of names.", field=_BETAS) from error
    return {_BETAS: msgspec.Raw(msgspec.json.encode(named))} if named else {}


def _wished(request: ChatRequest, family: Family) -> dict[str, msgspec.Raw]:
    """What neutral wishes come to in the model's own fields."""
    fields = dict[str, object]()
    if request.thinking is not None:
        fields |= _thinking(request.thinking, family)
    if request.top_k is not None:
        fields |= {"inferenceConfig": {"topK": request.top_k}} if family == "nova" else {"top_k": request.top_k}
    if request.tools and not request.tool_choice.parallel and request.tool_choice.mode == "auto":
        fields |= _one_at_a_time(family)
    if tools := [tool.json for tool in request.tools if isinstance(tool, Foreign) and tool.dialect == "anthropic"]:
        if family != "claude":
            raise Refused("unsupported", "This model has no tools of its own of that type.", field="tools")
        fields["tools"] = tools
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def _thinking(wish: ThinkingWish, family: Family) -> dict[str, object]:
    if family != "claude":
        if wish.mode == "off":
            return {}
        raise Refused("unsupported", "This model's thinking cannot be asked for in this way.", field="thinking")
    said: dict[str, object] = {"type": {"off": "disabled", "budget": "enabled", "adaptive": "adaptive"}[wish.mode]}
    if wish.mode == "budget":
        said["budget_tokens"] = wish.tokens_max
    if wish.display:
        said["display"] = wish.display
    return {"thinking": said}


def _one_at_a_time(family: Family) -> dict[str, object]:
    """Converse cannot say it, Claude's own tool choice can. Where a tool must be called, Converse's own choice stands
    instead: two that differ would be refused, and a model that must call a tool calls one."""
    if family != "claude":
        message = "This model cannot be held to one tool call at a time."
        raise Refused("unsupported", message, field="parallel_tool_calls")
    return {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


def _fields_of(json: msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        return _object.decode(json)
    except msgspec.DecodeError as error:
        raise Refused("invalid_request", f"{_MODEL_FIELDS} must be an object.", field=_MODEL_FIELDS) from error
