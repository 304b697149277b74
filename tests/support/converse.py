"""Converse from the other side: requests read into the neutral model, and the service's own description of them."""

import base64
from functools import cache
from typing import Any, cast

import msgspec
from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape
from botocore.validate import ParamValidator

from packhouse.domain.chat import (
    ChatRequest,
    ForeignOption,
    Message,
    OutputFormat,
    ThinkingWish,
    Tool,
    ToolChoice,
)
from packhouse.domain.chat_part import (
    CachePoint,
    Document,
    Foreign,
    Image,
    Part,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)

Json = dict[str, Any]

_MEDIA_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "txt": "text/plain",
    "html": "text/html",
    "md": "text/markdown",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def chat_request(model: str, body: Json) -> ChatRequest:
    """A Converse body as the neutral request that says the same."""
    config, tools = body.get("inferenceConfig", {}), body.get("toolConfig", {})
    fields = dict(body.get("additionalModelRequestFields", {}))
    thinking, top_k = fields.pop("thinking", None), fields.pop("top_k", None)
    output = body.get("outputConfig", {})
    return ChatRequest(
        model=model,
        messages=(
            *((Message("system", tuple(part(block) for block in body["system"])),) if body.get("system") else ()),
            *(Message(each["role"], tuple(part(block) for block in each["content"])) for each in body["messages"]),
        ),
        output_tokens_max=config.get("maxTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        stop=tuple(config.get("stopSequences", ())),
        tools=_tools(tools.get("tools", ())),
        tool_choice=_choice(tools.get("toolChoice")),
        output_format=_format(output.get("textFormat")),
        effort=output.get("effort", ""),
        thinking=_thinking(thinking),
        top_k=top_k,
        options=(
            *((ForeignOption("bedrock", "additionalModelRequestFields", raw(fields)),) if fields else ()),
            *(
                ForeignOption("bedrock", name, raw(body[name]))
                for name in ("performanceConfig", "guardrailConfig", "requestMetadata", "serviceTier")
                if name in body
            ),
        ),
    )


def part(block: Json) -> Part:
    """A block as the neutral part; what the neutral model does not know as a foreign one."""
    match block:
        case {"text": text}:
            return Text(text)
        case {"toolUse": use} if "type" not in use:
            return ToolUse(use["toolUseId"], use["name"], msgspec.json.encode(use["input"]).decode())
        case {"toolResult": result} if "type" not in result:
            content = cast("Any", tuple(part(each) for each in result["content"]))
            return ToolResult(result["toolUseId"], content, result.get("status") == "error")
        case {"image": image}:
            data, url = _source(image["source"])
            return Image(f"image/{image['format']}", data, url)
        case {"document": document}:
            return _document(document)
        case {"searchResult": found}:
            blocks = tuple(each["text"] for each in found["content"])
            return SearchResult(found["source"], found["title"], blocks, "citations" in found)
        case {"reasoningContent": {"reasoningText": thought}}:
            return Thinking(thought["text"], thought.get("signature", ""))
        case {"reasoningContent": {"redactedContent": redacted}}:
            return Thinking("", redacted=redacted)
        case {"cachePoint": point}:
            return CachePoint(point.get("ttl", ""))
        case _:
            return Foreign("bedrock", next(iter(block)), raw(block))


def _document(document: Json) -> Document:
    data, url = _source(document["source"])
    return Document(
        _MEDIA_TYPES.get(document.get("format", ""), ""),
        data,
        url,
        name=document["name"],
        blocks=tuple(each["text"] for each in document["source"].get("content", ())),
        context=document.get("context", ""),
        citable=document.get("citations", {}).get("enabled", False),
    )


def _source(source: Json) -> tuple[bytes, str]:
    return base64.b64decode(source.get("bytes", "")), source.get("s3Location", {}).get("uri", "")


def _tools(given: list[Json]) -> tuple[Tool | Foreign, ...]:
    tools: list[Tool | Foreign] = []
    for each in given:
        if "cachePoint" in each:
            last = tools[-1]
            assert isinstance(last, Tool)
            tools[-1] = msgspec.structs.replace(last, cache_point=CachePoint(each["cachePoint"].get("ttl", "")))
        elif "toolSpec" in each:
            spec = each["toolSpec"]
            schema = raw(spec["inputSchema"]["json"])
            tools.append(Tool(spec["name"], spec.get("description", ""), schema, spec.get("strict", False)))
        else:
            tools.append(Foreign("bedrock", next(iter(each)), raw(each)))
    return tuple(tools)


def _choice(given: Json | None) -> ToolChoice:
    match given:
        case {"any": _}:
            return ToolChoice("required")
        case {"tool": {"name": name}}:
            return ToolChoice("tool", name)
        case _:
            return ToolChoice()


def _format(given: Json | None) -> OutputFormat:
    if given is None:
        return OutputFormat()
    schema = given["structure"]["jsonSchema"]
    text = msgspec.Raw(schema["schema"].encode())
    return OutputFormat("json_schema", text, schema.get("name", ""), description=schema.get("description", ""))


def _thinking(given: Json | None) -> ThinkingWish | None:
    if given is None:
        return None
    mode: Any = {"enabled": "budget", "adaptive": "adaptive", "disabled": "off"}[given["type"]]
    return ThinkingWish(mode, given.get("budget_tokens", 0), given.get("display", ""))


# the service's own description


@cache
def service() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")


def faults_of(operation: str, body: bytes, *, model: str = "anthropic.claude") -> str:
    """What the service's model finds wrong with a body; empty where it finds nothing, unknown fields included."""
    shape = cast("StructureShape", service().operation_model(operation).input_shape)
    given = msgspec.json.decode(body)
    strange = sorted(_unknown(shape, given, ""))
    report = ParamValidator().validate(_typed(shape, {"modelId": model, **given}), shape)
    return "; ".join([*strange, report.generate_report()]).strip("; ")


def _unknown(shape: Any, value: Any, path: str) -> list[str]:
    """Fields that no shape has, and unions that are not one thing."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        found = [f"{path}.{name} is unknown" for name in value if name not in shape.members]
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            found.append(f"{path} is {len(value)} things at once")
        for name in value.keys() & shape.members.keys():
            found += _unknown(shape.members[name], value[name], f"{path}.{name}")
        return found
    if shape.type_name == "list":
        return [fault for place, each in enumerate(value) for fault in _unknown(shape.member, each, f"{path}[{place}]")]
    enum = getattr(shape, "enum", None)
    return [f"{path} is {value!r}"] if enum and value not in enum else []


def _typed(shape: Any, value: Any) -> Any:
    """Base64 as the bytes that botocore takes."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {name: _typed(shape.members[name], each) for name, each in value.items() if name in shape.members}
    if shape.type_name == "list":
        return [_typed(shape.member, each) for each in value]
    return base64.b64decode(value) if shape.type_name == "blob" else value
