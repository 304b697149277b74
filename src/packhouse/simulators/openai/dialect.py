"""OpenAI's server: routes, errors, what a broken stream of it looks like."""

import itertools

import msgspec

from packhouse.simulators.dialect import Call, Credentials, Provider, Rejected
from packhouse.simulators.http import Reply, Request, json_reply
from packhouse.simulators.openai.chat import ChatCall, event
from packhouse.simulators.openai.embeddings import DIMENSIONS, EmbeddingsCall
from packhouse.simulators.openai.read import asked
from packhouse.simulators.openai.wire import ChatBody, EmbeddingsBody
from packhouse.simulators.rules import Fault

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5", *DIMENSIONS)
_CHAT = msgspec.json.Decoder(ChatBody)
_EMBEDDINGS = msgspec.json.Decoder(EmbeddingsBody)

_TYPES = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "You are not allowed to do this."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    408: ("server_error", "request_timeout", "Request timed out."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("service_unavailable_error", None, "The engine is currently overloaded, please try again later."),
}


class OpenAI:
    """`/v1/chat/completions`, `/v1/embeddings`, `/v1/models`; without the `/v1` too, and below `/openai`."""

    name: Provider = "openai"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._numbers = itertools.count(1)

    def authorise(self, request: Request) -> None:
        said = request.header("authorization") or f"Bearer {request.header('api-key')}"
        if not self._credentials.any_key and said != f"Bearer {self._credentials.key}":
            raise Rejected(401)

    def read(self, request: Request) -> Call | Reply:
        try:
            match request.method, request.route.removeprefix("/openai").removeprefix("/v1"):
                case "POST", "/chat/completions":
                    return self._chat(_CHAT.decode(request.body))
                case "POST", "/embeddings":
                    return self._embeddings(_EMBEDDINGS.decode(request.body))
                case "GET", "/models":
                    listed = {"object": "list", "data": [_model(it) for it in MODELS]}
                    return json_reply(listed, headers=self._head())
                case "GET", path if path.startswith("/models/"):
                    name = path.removeprefix("/models/")
                    _check_model(name)
                    return json_reply(_model(name), headers=self._head())
                case _:
                    text = f"Invalid URL ({request.method} {request.route})"
                    raise Rejected(404, text, code="unknown_url")
        except msgspec.DecodeError as error:
            raise Rejected(400, str(error)) from error

    def error(self, rejected: Rejected) -> Reply:
        return json_reply({"error": _error(rejected)}, status=rejected.status, headers=self._head())

    def event(self, fault: Fault) -> bytes:
        return event({"error": _error(Rejected(fault.status, fault.message, code=fault.code))})

    def spoil(self, frame: bytes, fault: Fault) -> bytes:
        if fault.kind == "truncated":
            return frame[: len(frame) // 2] + b"\n\n"
        return b"data: <html>no JSON</html>\n\n"

    def _chat(self, body: ChatBody) -> Call:
        _check_model(body.model)
        options = body.stream_options
        return ChatCall(
            asked(body),
            include_usage=options is not None and options.include_usage,
            obfuscate=options is None or options.include_obfuscation,
            head=self._head(),
        )

    def _embeddings(self, body: EmbeddingsBody) -> Call:
        _check_model(body.model)
        return EmbeddingsCall(body, head=self._head())

    def _head(self) -> tuple[tuple[str, str], ...]:
        return (("x-request-id", f"req_{next(self._numbers):032x}"), ("openai-processing-ms", "1"))


def _check_model(name: str) -> None:
    """Any model is there but one whose name says that it is not."""
    if "nonexistent" in name or "does-not-exist" in name:
        text = f"The model `{name}` does not exist or you do not have access to it."
        raise Rejected(404, text, code="model_not_found")


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "system"}


def _error(rejected: Rejected) -> dict[str, object]:
    kind, code, text = _TYPES.get(rejected.status, ("invalid_request_error", None, "This request is not right."))
    if rejected.status >= 500:
        kind = _TYPES.get(rejected.status, ("server_error", None, ""))[0]
    return {
        "message": rejected.message or text,
        "type": kind,
        "param": rejected.param,
        "code": rejected.code or code,
    }
