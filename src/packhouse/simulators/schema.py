"""A value for any JSON schema: always the same for the same schema, as small as the schema allows."""

from collections.abc import Mapping
from typing import Any, cast

_DEPTH_MAX = 16


def example(schema: Any, *, text: str = "", root: Any = None, depth: int = 0) -> Any:
    """A value that fits `schema`; strings are `text` where nothing else is said.

    It knows types, required properties, enums, constants, bounds, references and alternatives; formats only
    where a date, a time, an address or an id is asked for.
    """
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > _DEPTH_MAX:
        return text
    known = cast("Mapping[str, Any]", schema)
    known = _resolved(known, root)
    for fixed in ("const", "default"):
        if fixed in known:
            return known[fixed]
    if known.get("enum"):
        return known["enum"][0]
    for several in ("anyOf", "oneOf"):
        if known.get(several):
            return example(known[several][0], text=text, root=root, depth=depth + 1)
    return _of_type(known, _type(known), text=text, root=root, depth=depth)


def _resolved(schema: Mapping[str, Any], root: Any) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Any = root
        for name in str(schema["$ref"]).removeprefix("#").split("/")[1:]:
            found = found.get(name.replace("~1", "/").replace("~0", "~"), {})
        return cast("Mapping[str, Any]", found)
    merged: dict[str, Any] = dict(schema)
    for part in merged.pop("allOf", ()):
        more = _resolved(part, root)
        properties: dict[str, Any] = {**merged.get("properties", {}), **more.get("properties", {})}
        required: list[Any] = [*merged.get("required", ()), *more.get("required", ())]
        merged = {**more, **merged, "properties": properties, "required": required}
    return merged


def _type(schema: Mapping[str, Any]) -> str:
    said = schema.get("type")
    if isinstance(said, list):
        return str(next((it for it in cast("list[Any]", said) if it != "null"), "null"))
    if said is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(said)


def _of_type(schema: Mapping[str, Any], kind: str, *, text: str, root: Any, depth: int) -> Any:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            wanted = schema.get("required", ())
            return {name: example(properties.get(name, {}), text=text, root=root, depth=depth + 1) for name in wanted}
        case "array":
            count = max(int(schema.get("minItems", 0)), 0)
            return [example(schema.get("items", {}), text=text, root=root, depth=depth + 1) for _ in range(count)]
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _string(schema, text)


def _number(schema: Mapping[str, Any]) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None:
        return low + 1 if "exclusiveMinimum" in schema and "minimum" not in schema else low
    if high is not None and high < 1:
        return high - 1 if "exclusiveMaximum" in schema and "maximum" not in schema else high
    return schema.get("multipleOf", 1)


_FORMATS = {
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "date-time": "2026-01-02T03:04:05Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}


def _string(schema: Mapping[str, Any], text: str) -> str:
    value = _FORMATS.get(str(schema.get("format", "")), text)
    low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
    value = value if len(value) >= low else value + "x" * (low - len(value))
    return value if high is None else value[: int(high)]
