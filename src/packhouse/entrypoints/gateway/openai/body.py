"""A chat request's body: decoded once, and patched where it travels on as it is."""

from typing import TypeVar

import msgspec

from packhouse.domain.chat_part import Dialect
from packhouse.domain.errors import Refused
from packhouse.domain.estimate import TOKENS_PER_CALL, TOKENS_PER_IMAGE, TOKENS_WITH_TOOLS
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.decode import decode
from packhouse.entrypoints.gateway.openai.usage import StreamPiece, WithUsage, tokens_of
from packhouse.entrypoints.gateway.openai.wire import ChatEnvelope
from packhouse.ports.models import Headers
from packhouse.services.chat import Reported

_envelope = msgspec.json.Decoder(ChatEnvelope)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_with_usage = msgspec.json.Decoder(WithUsage)
_piece = msgspec.json.Decoder(StreamPiece)
DONE = b"[DONE]"
Payload = TypeVar("Payload")
_INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')


def decode_envelope(body: bytes) -> ChatEnvelope:
    """Refused: malformed_json, invalid_request (with the place of the mistake)."""
    envelope = decode(_envelope, body)
    if envelope.n is not None and envelope.n != 1:
        raise Refused(
            "unsupported", f"Only n = 1 is supported, not {envelope.n}. Send one request an answer.", field="n"
        )
    messages = bytes(envelope.messages)
    if not messages.startswith(b"[") or messages[1:-1].strip() == b"":
        raise Refused("invalid_request", "`messages` must be a list with at least one message.", field="messages")
    return envelope


class RelayBody:
    """The body of a call whose provider speaks this dialect (`services.chat.RelayedBody`)."""

    __slots__ = ("_body", "_envelope", "dialect", "headers", "input_tokens", "model", "output_tokens")

    def __init__(self, body: bytes, envelope: ChatEnvelope) -> None:
        self._body = body
        self.dialect: Dialect = "openai"
        self.headers: Headers = ()
        self._envelope = envelope
        self.model = envelope.model
        self.output_tokens = envelope.max_completion_tokens or envelope.max_tokens
        self.input_tokens = _input_bound(body)

    def patched(self, *, model: str, output_tokens: int) -> bytes:
        envelope = self._envelope
        fields = _fields.decode(self._body)
        fields["model"] = msgspec.Raw(msgspec.json.encode(model))
        fields.pop("packhouse", None)
        cap = msgspec.Raw(str(output_tokens).encode())
        if envelope.max_completion_tokens is not None:
            fields["max_completion_tokens"] = cap
        else:
            fields["max_tokens"] = cap
        if envelope.stream:  # without it no server says what a stream cost
            fields["stream_options"] = _INCLUDE_USAGE
        return msgspec.json.encode(fields)

    def reported(self, payload: bytes, before: ModelTokens | None) -> Reported | None:
        """The dialect reports once, at the end."""
        if b'"usage"' not in payload:
            return None
        usage = _decoded(_with_usage, payload).usage
        return Reported(tokens_of(usage), final=True) if usage is not None else None

    def output_bytes_of(self, payload: bytes) -> int:
        return 0 if payload == DONE else _decoded(_piece, payload).output_bytes


def _decoded(decoder: msgspec.json.Decoder[Payload], payload: bytes) -> Payload:
    """Reads all of it, so that what is no JSON, or half of it, is told before a client has to read it."""
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        said = "The model's provider answered something that is not its protocol."
        raise Refused("provider_malformed", said) from error


def _input_bound(body: bytes) -> int:
    """The JSON of a request is never shorter than its text; images count by themselves."""
    images = body.count(b'"image_url"')
    tools = TOKENS_WITH_TOOLS if b'"tools"' in body else 0
    return len(body) + TOKENS_PER_CALL + tools + images * TOKENS_PER_IMAGE
