"""A chat request's body: decoded once, and patched where it travels on as it is."""

import re
from typing import TypeVar, cast

import msgspec

from packhouse.domain.chat_part import Dialect
from packhouse.domain.errors import Refused
from packhouse.domain.likely_tokens import likely_input
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.openai.bound import input_bound_of
from packhouse.entrypoints.gateway.openai.read import read_chat, refuse_log_probabilities
from packhouse.entrypoints.gateway.openai.usage import Payload, Reports
from packhouse.entrypoints.gateway.openai.wire import ChatEnvelope
from packhouse.ports.models import Headers
from packhouse.services.chat import Reported

DONE = b"[DONE]"

_envelope = msgspec.json.Decoder(ChatEnvelope)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_reports = msgspec.json.Decoder(Reports)
_payload = msgspec.json.Decoder(Payload)
_TRUE = msgspec.Raw(b"true")
_INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')
_NOTHING = Payload()
_MESSAGES = re.compile(rb"\[\s*[^\]\s]")
"""A list with something in it."""

Kind = TypeVar("Kind")


def decode_envelope(body: bytes) -> ChatEnvelope:
    """Refused: malformed_json, invalid_request (with the place of the mistake), unsupported."""
    envelope = decode(_envelope, body)
    if envelope.n is not None and envelope.n != 1:
        raise Refused(
            "unsupported", f"Only n = 1 is supported, not {envelope.n}. Send one request an answer.", field="n"
        )
    refuse_log_probabilities(logprobs=envelope.logprobs, top_logprobs=envelope.top_logprobs)
    if _MESSAGES.match(envelope.messages) is None:
        raise Refused("invalid_request", "`messages` must be a list with at least one message.", field="messages")
    return envelope


class RelayBody:
    """The body of a call whose provider speaks this dialect (`services.chat.RelayedBody`)."""

    __slots__ = ("_body", "_envelope", "_read", "dialect", "headers", "input_tokens", "model", "output_tokens")

    def __init__(self, body: bytes, envelope: ChatEnvelope) -> None:
        self._body = body
        self.dialect: Dialect = "openai"
        self.headers: Headers = ()
        self._envelope = envelope
        self._read: tuple[bytes, Payload] = (b"", _NOTHING)
        self.model = envelope.model
        self.output_tokens = envelope.output_tokens_max
        self.input_tokens = input_bound_of(body)

    def likely_input(self) -> int:
        """What cannot be read is booked at its bound."""
        try:
            return min(self.input_tokens, likely_input(read_chat(self._body), is_plain=True))
        except Refused:
            return self.input_tokens

    def patched(self, *, model: str, output_tokens: int) -> bytes:
        envelope = self._envelope
        fields = cast("dict[str, msgspec.Raw | str | int]", decode(_fields, self._body))
        fields["model"], cap = model, output_tokens
        fields.pop("packhouse", None)
        if envelope.max_completion_tokens is not None:
            fields["max_completion_tokens"] = cap
            fields.pop("max_tokens", None)  # a server may look at either
        else:
            fields["max_tokens"] = cap
        if envelope.stream:  # without it no server says what a stream cost
            fields["stream_options"] = _with_usage(cast("msgspec.Raw | None", fields.get("stream_options")))
        return _encode(fields)

    def reported(self, payload: bytes, before: ModelTokens | None) -> Reported | None:
        """The dialect reports once, at the end; some servers do in every piece of a stream."""
        if self._envelope.stream:
            usage, final = self._payload(payload).usage, self._payload(payload).final
        elif b'"usage"' in payload:
            usage, final = _decoded(_reports, payload).usage, True
        else:
            return None
        tokens = usage.tokens() if usage is not None else None
        return Reported(tokens, final) if tokens is not None else None

    def likely_output_of(self, payload: bytes) -> float:
        return self._payload(payload).likely_output

    def _payload(self, payload: bytes) -> Payload:
        """Decoded once, whatever is asked of it."""
        if self._read[0] is not payload:
            self._read = (payload, _NOTHING if payload == DONE else _decoded(_payload, payload))
        return self._read[1]


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    """The caller's own options stay."""
    if options is None or bytes(options) == b"null":
        return _INCLUDE_USAGE
    return msgspec.Raw(msgspec.json.encode(_fields.decode(options) | {"include_usage": _TRUE}))


def _decoded(decoder: msgspec.json.Decoder[Kind], payload: bytes) -> Kind:
    """Reads all of it, so that what is no JSON, or half of it, is told before a client has to read it."""
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = "The model's provider answered something that is not its protocol."
        raise Refused("provider_malformed", said) from error
