"""Cohere's server: routes, errors, answers of both versions."""

import itertools

import msgspec

from packhouse.simulators.answer import Answer
from packhouse.simulators.cohere.embed import Embed
from packhouse.simulators.cohere.wire import EmbedBody
from packhouse.simulators.dialect import Call, Credentials, Provider, Rejected
from packhouse.simulators.http import Reply, Request, json_reply
from packhouse.simulators.rules import Fault

_BODY = msgspec.json.Decoder(EmbedBody)

_MESSAGES = {
    400: "invalid request",
    401: "invalid api token",
    403: "your API key is not allowed to use this endpoint",
    404: "not found",
    408: "the request took too long",
    429: "you have exceeded the rate limit, please wait and try again later",
    500: "internal server error",
    503: "service unavailable",
}


class EmbedCall:
    """One call of `/v2/embed` or `/v1/embed`."""

    def __init__(self, embed: Embed, *, version: str, number: int) -> None:
        self._embed = embed
        self._version = version
        self._number = number
        self.asked = embed.asked

    def whole(self, answer: Answer) -> Reply:
        embed, types = self._embed, self._embed.body.embedding_types
        by_type = self._version == "2" or types is not None
        used = answer.usage.input
        body = {
            "id": _id(self._number),
            "embeddings": embed.by_type(types or ["float"]) if by_type else embed.floats(),
            "texts": embed.texts,
            "meta": {
                "api_version": {"version": self._version},
                "billed_units": {"input_tokens": used - embed.image_tokens, "image_tokens": embed.image_tokens},
            },
            "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
        }
        return json_reply(body, headers=(("num_chars", str(embed.characters)), ("num_tokens", str(used))))

    def stream(self, answer: Answer) -> Reply:
        return self.whole(answer)


class Cohere:
    """`/v2/embed`, `/v1/embed`."""

    name: Provider = "cohere"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._numbers = itertools.count(1)

    def authorise(self, request: Request) -> None:
        kind, _, key = request.header("authorization").partition(" ")
        right = kind.lower() == "bearer" and key == self._credentials.key
        if not right and not self._credentials.any_key:
            raise Rejected(401, "invalid api token" if key else "no api key supplied")

    def read(self, request: Request) -> Call | Reply:
        if request.method != "POST" or request.route not in ("/v2/embed", "/v1/embed"):
            raise Rejected(404, f"{request.method} {request.route} not found")
        try:
            body = _BODY.decode(request.body)
        except msgspec.DecodeError as error:
            raise Rejected(400, f"invalid request: {error}") from error
        if not body.model.startswith(("embed-", "cohere.")):
            text = "make sure the correct model ID was used and that you have access to the model."
            raise Rejected(404, f"model '{body.model}' not found, {text}")
        version = request.route[2]
        if version == "1" and (body.inputs or body.output_dimension):
            raise Rejected(400, "invalid request: unknown field")
        return EmbedCall(Embed(body, body.model), version=version, number=next(self._numbers))

    def error(self, rejected: Rejected) -> Reply:
        message = rejected.message or _MESSAGES.get(rejected.status, "the request failed")
        return json_reply({"id": _id(next(self._numbers)), "message": message}, status=rejected.status)

    def event(self, fault: Fault) -> bytes:
        """Cohere's embed has no streams."""
        return self.error(Rejected(fault.status, fault.message)).body

    def spoil(self, frame: bytes, fault: Fault) -> bytes:
        return frame[: len(frame) // 2] if fault.kind == "truncated" else b"<html>no JSON</html>"


def _id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"
