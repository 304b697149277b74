"""Anthropic's server: routes, versions, errors, what a broken stream of it looks like."""

import itertools

import msgspec

from packhouse.simulators.anthropic.checks import VERSIONS, check
from packhouse.simulators.anthropic.messages import MessagesCall, event
from packhouse.simulators.anthropic.read import asked
from packhouse.simulators.anthropic.wire import MessagesBody
from packhouse.simulators.dialect import Call, Credentials, Provider, Rejected
from packhouse.simulators.http import Reply, Request, json_reply
from packhouse.simulators.rules import Fault

MODELS = ("claude-sonnet-5-5", "claude-sonnet-4-6", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")
_BODY = msgspec.json.Decoder(MessagesBody)

_TYPES = {
    400: ("invalid_request_error", "Your request was malformed."),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    408: ("timeout_error", "Request timed out"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    529: ("overloaded_error", "Overloaded"),
}
_ELSE = ("api_error", "Internal server error")
_STATUS = dict(_TYPES.values()) | {"api_error": _ELSE[1]}


class Anthropic:
    """`/v1/messages`, `/v1/messages/count_tokens`, `/v1/models`."""

    name: Provider = "anthropic"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._numbers = itertools.count(1)

    def authorise(self, request: Request) -> None:
        key = request.header("x-api-key") or request.header("authorization").removeprefix("Bearer ")
        if not key and not self._credentials.any_key:
            raise Rejected(401, "x-api-key header is required")
        if key != self._credentials.key and not self._credentials.any_key:
            raise Rejected(401, "invalid x-api-key")
        version = request.header("anthropic-version")
        if not version:
            raise Rejected(400, "anthropic-version: header is required")
        if version not in VERSIONS:
            raise Rejected(400, f'anthropic-version: "{version}" is not a valid version')

    def read(self, request: Request) -> Call | Reply:
        match request.method, request.route:
            case "POST", "/v1/messages":
                body = self._body(request)
                check(body, version=request.header("anthropic-version"))
                return MessagesCall(asked(body), head=self._head())
            case "POST", "/v1/messages/count_tokens":
                body = self._body(request)
                check(body, version=request.header("anthropic-version"), counts_only=True)
                return json_reply({"input_tokens": asked(body).input_tokens}, headers=self._head())
            case "GET", "/v1/models":
                data = [_model(name) for name in MODELS]
                page = {"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
                return json_reply(page, headers=self._head())
            case "GET", path if path.startswith("/v1/models/"):
                name = path.removeprefix("/v1/models/")
                _check_model(name)
                return json_reply(_model(name), headers=self._head())
            case _:
                raise Rejected(404, "Not Found")

    def error(self, rejected: Rejected) -> Reply:
        head = self._head()
        body = {**_error(rejected), "request_id": head[0][1]}
        return json_reply(body, status=rejected.status, headers=head)

    def event(self, fault: Fault) -> bytes:
        code = fault.code or _TYPES.get(fault.status, _ELSE)[0]
        text = fault.message or _STATUS.get(code, _ELSE[1])
        return event({"type": "error", "error": {"type": code, "message": text}})

    def spoil(self, frame: bytes, fault: Fault) -> bytes:
        if fault.kind == "truncated":
            return frame[: len(frame) * 2 // 3] + b"\n\n"
        return b"event: content_block_delta\ndata: <html>no JSON</html>\n\n"

    def _body(self, request: Request) -> MessagesBody:
        try:
            body = _BODY.decode(request.body)
        except msgspec.DecodeError as error:
            raise Rejected(400, str(error)) from error
        if not body.model:
            raise Rejected(400, "model: Field required")
        if body.anthropic_version or body.anthropic_beta:
            raise Rejected(400, "anthropic_version: Extra inputs are not permitted")
        _check_model(body.model)
        return body

    def _head(self) -> tuple[tuple[str, str], ...]:
        return (("request-id", f"req_{next(self._numbers):024d}"),)


def _check_model(name: str) -> None:
    """Any model is there but one whose name says that it is not."""
    if "nonexistent" in name or "does-not-exist" in name:
        raise Rejected(404, f"model: {name}")


def _model(name: str) -> dict[str, object]:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }


def _error(rejected: Rejected) -> dict[str, object]:
    kind, text = _TYPES.get(rejected.status, _ELSE)
    return {"type": "error", "error": {"type": rejected.code or kind, "message": rejected.message or text}}
