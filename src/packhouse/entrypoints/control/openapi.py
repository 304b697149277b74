"""The description of the room, made from its routes: the types that handlers take and return are what it says."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from litestar import Router
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.routes import HTTPRoute

from packhouse.domain.errors import CODES
from packhouse.entrypoints.control.door import OPEN
from packhouse.entrypoints.control.refusals import STATUS
from packhouse.entrypoints.control.wire import Body, filter_of

CSV = "csv"
"""The mark, in a handler's `opt`, of a route that answers with CSV where that is asked for."""
REFUSALS = "refusals"

TITLE = "Packhouse control API"
DESCRIPTION = (
    "Companies, entitlements, resources, keys and their consumption. Send a personal access token or a session's"
    " token as `Authorization: Bearer …`. Everything outside the caller's company or teams answers `not_found`."
)

_PARAMETER = re.compile(r"\{(\w+):str\}")
_REF = "#/components/schemas/{name}"


class ErrorBody(msgspec.Struct):
    """`code` is permanent; `message` says what to do; more facts may stand beside them."""

    code: str
    message: str


class Error(msgspec.Struct):
    """A refusal."""

    error: ErrorBody


def refuses(*codes: str) -> dict[str, Any]:
    """For a handler's `opt`: the refusals of its service, beside those that every route makes."""
    assert all(code in STATUS for code in codes), codes
    return {REFUSALS: codes}


def document(router: Router, *, version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    handlers = list(_handlers(router))
    types = [*{type_: None for _, _, handler in handlers for type_ in _types(handler)}, Error]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    refs = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, method, handler in handlers:
        paths.setdefault(_PARAMETER.sub(r"{\1}", path), {})[method] = _operation(path, handler, refs=refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _handlers(router: Router) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every route that is described: path, method in lower case, handler."""
    for route in router.routes:
        if isinstance(route, HTTPRoute):
            # the framework hands over three and more of one path in any order
            for handler in sorted(route.route_handlers, key=lambda one: sorted(one.http_methods)):
                if handler.resolve_include_in_schema():
                    for method in sorted(handler.http_methods):
                        yield route.path, method.lower(), handler


def _types(handler: HTTPRouteHandler) -> Iterator[Any]:
    if handler.parsed_data_field is not None:
        yield handler.parsed_data_field.annotation
    if (answer := _answer(handler)) is not None:
        yield answer


def _answer(handler: HTTPRouteHandler) -> Any:
    """The struct that the handler returns, None for an empty answer or a text."""
    returned = handler.parsed_return_field
    found = [one.annotation for one in (returned, *_inner(returned.inner_types))]
    return next((one for one in found if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


def _inner(fields: Sequence[Any]) -> Iterator[Any]:
    for field in fields:
        yield field
        yield from _inner(field.inner_types)


def _operation(path: str, handler: HTTPRouteHandler, *, refs: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": handler.summary,
        "tags": [_tag(handler)],
        "parameters": [*_path_parameters(path), *_query_parameters(handler), *_headers(handler)],
        "responses": {str(handler.status_code): _success(handler, refs), **_failures(handler, refs)},
    }
    if handler.parsed_data_field is not None:
        schema = refs[handler.parsed_data_field.annotation]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if handler.opt.get(OPEN):
        operation["security"] = []
    return operation


def _tag(handler: HTTPRouteHandler) -> str:
    return handler.fn.__module__.rpartition(".")[2]


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(handler: HTTPRouteHandler) -> Iterator[dict[str, Any]]:
    if "asked" not in handler.parsed_fn_signature.parameters:
        return
    yield from (_query_parameter(field) for field in msgspec.structs.fields(filter_of(handler)))


def _query_parameter(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    schema: dict[str, Any] = msgspec.json.schema(field.type)
    kinds = schema.get("anyOf")
    if kinds is not None:  # a parameter that is left out is how null is said in a query
        schema = next(kind for kind in kinds if kind != {"type": "null"})
    if field.default not in (None, msgspec.NODEFAULT):
        schema["default"] = field.default
    return {"name": field.name, "in": "query", "required": field.required, "schema": schema}


def _headers(handler: HTTPRouteHandler) -> Iterator[dict[str, Any]]:
    for field in handler.parsed_fn_signature.parameters.values():
        kwarg = field.kwarg_definition
        if isinstance(kwarg, ParameterKwarg) and kwarg.param_type == "header":
            schema = {"type": "string", "maxLength": kwarg.max_length}
            yield {
                "name": kwarg.name,
                "in": "header",
                "required": False,
                "description": kwarg.description,
                "schema": schema,
            }


def _success(handler: HTTPRouteHandler, refs: dict[Any, Any]) -> dict[str, Any]:
    answer = _answer(handler)
    content: dict[str, Any] = {} if answer is None else {"application/json": {"schema": refs[answer]}}
    if handler.opt.get(CSV) or handler.media_type == "text/csv":
        content["text/csv"] = {"schema": {"type": "string"}}
    described = {"description": "Done." if answer is None else (answer.__doc__ or "As asked for.").strip()}
    return {**described, "content": content} if content else described


def _failures(handler: HTTPRouteHandler, refs: dict[Any, Any]) -> dict[str, Any]:
    """By status, with the codes that it may have."""
    codes: list[str] = list(handler.opt.get(REFUSALS, ()))
    codes += ["invalid_request"]
    if not handler.opt.get(OPEN):
        codes.append("not_signed_in")
    if handler.parsed_data_field is not None:
        codes += ["malformed_json", "body_too_large"]
    codes += ["internal", "unavailable"]
    content = {"application/json": {"schema": refs[Error]}}
    found: dict[str, Any] = {}
    for status in sorted({STATUS[code] for code in codes}):
        sentences = [f"`{code}`: {CODES[code]}" for code in dict.fromkeys(codes) if STATUS[code] == status]
        found[str(status)] = {"description": "\n\n".join(sentences), "content": content}
    return found


__all__ = ["CSV", "Body", "document", "refuses"]
