"""The reference's page on the management API, made from its OpenAPI description."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Router

import packhouse
from packhouse.cli.reference_page import page, table
from packhouse.entrypoints.control.openapi import DESCRIPTION, document
from packhouse.entrypoints.control.router import BASE, ROUTES
from packhouse.entrypoints.control.wire import StrictBody

PAGE = "control-api.md"
TYPES_PAGE = "control-types.md"

ALWAYS = frozenset({"invalid_request", "malformed_json", "body_too_large", "not_signed_in", "internal", "unavailable"})
"""Codes that any route may answer with."""

_Schema = Mapping[str, Any]
_CODE = re.compile(r"^`(\w+)`:", re.MULTILINE)


def described() -> dict[str, Any]:
    """The OpenAPI document, without a running control plane."""
    return document(
        Router(BASE, route_handlers=list(ROUTES), dto=StrictBody, return_dto=None), version=packhouse.__version__
    )


def control_api() -> str:
    always = ", ".join(f"`{code}`" for code in sorted(ALWAYS))
    intro = (
        f"{DESCRIPTION} A running installation describes it in OpenAPI at `{BASE}/openapi.json`. Any route may refuse "
        f"with {always}; what else it may is in its row."
    )
    return page("Control API", intro, *_routes(described()["paths"]))


def control_types() -> str:
    intro = f"What the [control API]({PAGE}) takes and answers, as JSON objects."
    return page("Control API: types", intro, *_types(described()["components"]["schemas"]))


def _routes(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table for each tag."""
    rows: dict[str, list[tuple[str, ...]]] = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            row = (
                f"`{method.upper()} {path}`",
                operation["summary"],
                ", ".join(f"`{it['name']}`" for it in operation["parameters"] if it["in"] != "path"),
                _content(operation.get("requestBody", {})),
                ", ".join(_content(it) for status, it in operation["responses"].items() if status < "300"),
                ", ".join(_refusals(operation["responses"])),
            )
            rows.setdefault(operation["tags"][0], []).append(row)
    head = ("Route", "What it does", "Parameters", "Takes", "Answers", "May refuse with")
    for tag, lines in rows.items():
        yield f"## {tag.replace('_', ' ').capitalize()}"
        yield table(head, lines)


def _content(body: _Schema) -> str:
    """What a request or an answer consists of: its type, or its media type where it has none of ours."""
    return " or ".join(
        _type(it["schema"]) if media == "application/json" else f"`{media}`"
        for media, it in body.get("content", {}).items()
    )


def _refusals(responses: Mapping[str, _Schema]) -> Iterator[str]:
    for status, answer in responses.items():
        if status >= "400":  # what an answer's own description names in code is a field
            yield from (f"`{code}`" for code in _CODE.findall(answer["description"]) if code not in ALWAYS)


def _types(schemas: Mapping[str, _Schema]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f"## {name}"
        if description := str(schema.get("description", "")):
            yield description
        if "properties" not in schema:
            yield _type(schema)
            continue
        required = schema.get("required", ())
        yield table(
            ("Field", "Type", "Required", "Meaning"),
            (
                (f"`{field}`", _type(it), "yes" if field in required else "", str(it.get("description", "")))
                for field, it in schema["properties"].items()
            ),
        )


def _type(schema: _Schema) -> str:
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return f"[{name}]({TYPES_PAGE}#{name.lower()})"
        case {"anyOf": [*kinds]} | {"oneOf": [*kinds]}:
            return " or ".join(_type(kind) for kind in kinds)
        case {"enum": [*values]}:
            return ", ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": {**items}}:
            return f"list of {_type(items)}"
        case {"type": str(kind)}:
            return str(schema.get("format", kind))
        case _:
            return "any"
