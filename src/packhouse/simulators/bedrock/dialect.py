"""Bedrock Runtime's server: routes, signatures and keys, errors, exceptions in the middle of a stream."""

import base64
import binascii
import itertools
import re

import msgspec

from packhouse.simulators.bedrock import frames, invoke, models
from packhouse.simulators.bedrock.checks import check
from packhouse.simulators.bedrock.converse import STOP_SEQUENCE, ConverseCall
from packhouse.simulators.bedrock.read import asked
from packhouse.simulators.bedrock.sigv4 import ALGORITHM, verify
from packhouse.simulators.bedrock.wire import ConverseBody, CountBody
from packhouse.simulators.dialect import Call, Credentials, Provider, Rejected
from packhouse.simulators.http import Reply, Request, json_reply
from packhouse.simulators.rules import Fault

_ROUTE = re.compile(r"/model/(?P<model>.+)/(?P<verb>[a-z-]+)")
_CONVERSE = msgspec.json.Decoder(ConverseBody)
_COUNT = msgspec.json.Decoder(CountBody)

_TYPES = {
    400: ("ValidationException", "The request is not valid."),
    401: ("UnrecognizedClientException", "The security token included in the request is invalid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("ResourceNotFoundException", "The resource was not found."),
    408: ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    409: ("ConflictException", "The request conflicts with the current state of the resource."),
    413: ("RequestEntityTooLargeException", "The request is larger than 25000000 bytes."),
    424: ("ModelErrorException", "The model returned an error."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: ("InternalServerException", "The system encountered an unexpected error during processing. Try again."),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
    504: ("ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    529: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
"""The service answers with some of these; the others are what a thing between it and its client says."""


class Bedrock:
    """`/model/{id}/converse`, `converse-stream`, `invoke`, `invoke-with-response-stream`, `count-tokens`."""

    name: Provider = "bedrock"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._numbers = itertools.count(1)

    def authorise(self, request: Request) -> None:
        said = request.header("authorization")
        if self._credentials.any_key:
            return
        if not said:
            raise Rejected(403, "Missing Authentication Token", code="MissingAuthenticationTokenException")
        if said.startswith(ALGORITHM):
            verify(request, self._credentials)
        elif said != f"Bearer {self._credentials.key}":
            raise Rejected(403, "Authentication failed: Please make sure your API Key is valid.")

    def read(self, request: Request) -> Call | Reply:
        found = _ROUTE.fullmatch(request.route)
        if not found or request.method != "POST":
            raise Rejected(404, code="UnknownOperationException")
        model_id, verb = found["model"], found["verb"]
        if verb == "count-tokens":
            return self._count(request, model_id)
        model = models.check(model_id, _region(request))
        try:
            match verb:
                case "converse" | "converse-stream":
                    body = _CONVERSE.decode(request.body)
                    check(body, model)
                    streams = verb == "converse-stream"
                    call = asked(body, model=model_id, streams=streams)
                    paths = body.additional_model_response_field_paths if "anthropic." in model else ()
                    return ConverseCall(call, head=self._head(), tells_sequence=STOP_SEQUENCE in paths)
                case "invoke":
                    return invoke.read(request.body, model=model, streams=False, head=self._head())
                case "invoke-with-response-stream":
                    return invoke.read(request.body, model=model, streams=True, head=self._head())
                case _:
                    raise Rejected(404, code="UnknownOperationException")
        except msgspec.ValidationError as error:
            raise Rejected(400, f"1 validation error detected: {error}") from error
        except msgspec.DecodeError as error:
            raise Rejected(400, str(error), code="SerializationException") from error

    def _count(self, request: Request, model_id: str) -> Reply:
        """Foundation models only: the pattern of the id has no place for a profile."""
        try:
            said = _COUNT.decode(request.body).input_
        except msgspec.DecodeError as error:
            raise Rejected(400, f"1 validation error detected: {error}") from error
        model = models.check(model_id, "")
        if model_id != model or not model.startswith("anthropic."):
            raise Rejected(400, "The provided model doesn't support counting tokens.")
        if said.converse is not None:
            check(said.converse, model)
            count = asked(said.converse, model=model, streams=False).input_tokens
        elif said.invoke_model is not None:
            count = invoke.claude(_blob(said.invoke_model.body), model=model, counts_only=True).input_tokens
        else:
            raise Rejected(400, "The input must set one of the following keys: converse, invokeModel")
        return json_reply({"inputTokens": count}, headers=self._head())

    def error(self, rejected: Rejected) -> Reply:
        kind, text = _type(rejected.status)
        named = ("x-amzn-ErrorType", f"{rejected.code or kind}:http://internal.amazon.com/coral/com.amazon.bedrock/")
        body = {"message": rejected.message or text}
        return json_reply(body, status=rejected.status, headers=(named, *self._head()))

    def event(self, fault: Fault) -> bytes:
        kind, text = _type(fault.status)
        name = fault.code or kind
        name = name[0].lower() + name[1:]
        return frames.exception(name, msgspec.json.encode({"message": fault.message or text}))

    def spoil(self, frame: bytes, fault: Fault) -> bytes:
        match fault.kind:
            case "crc":
                return frames.with_wrong_checksum(frame)
            case "truncated":
                return frames.with_truncated_payload(frame)
            case _:
                return frames.malformed(frame)

    def _head(self) -> tuple[tuple[str, str], ...]:
        return (("x-amzn-RequestId", f"00000000-0000-4000-8000-{next(self._numbers):012x}"),)


def _type(status: int) -> tuple[str, str]:
    """A status that has no type of its own is the caller's mistake below 500, and the service's from there on."""
    return _TYPES.get(status) or _TYPES[500 if status >= 500 else 400]


def _region(request: Request) -> str:
    """The region that the request is signed for; a bearer key does not tell it."""
    _, _, scope = request.header("authorization").partition("Credential=")
    parts = scope.partition(",")[0].split("/")
    return parts[2] if len(parts) == 5 else ""


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Rejected(400, "The body is not base64.", code="SerializationException") from error
