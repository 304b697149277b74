"""A messages body that travels on as it is: patched where it must differ, its usage read on the way back."""

import msgspec

from packhouse.domain.chat_part import Dialect
from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.likely_tokens import likely_input
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic import wire
from packhouse.entrypoints.gateway.anthropic.bound import body_bound
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from packhouse.entrypoints.gateway.decode import decode
from packhouse.ports.models import Headers
from packhouse.services.chat import Reported

PASSED_ON = ("anthropic-beta", "anthropic-version")
_envelope = msgspec.json.Decoder(wire.Envelope)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Usage(msgspec.Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Message(Content, frozen=True):
    usage: _Usage | None = None


class _Delta(Content, frozen=True):
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Payload(Content, frozen=True):
    """A whole answer or an event of a stream."""

    type: str = ""
    message: _Message | None = None
    usage: _Usage | None = None
    delta: _Delta | None = None


_payload = msgspec.json.Decoder(_Payload)


_NOT_HERE = {
    "thread": "A conversation is held by nobody here but its caller. Send all of its messages, without `thread`.",
    "fallbacks": "Which models may answer is the pack's affair. Leave `fallbacks` out, or name the model yourself.",
    "inference_geo": "Where a call is served is the resource's affair: its region. Leave `inference_geo` out.",
}
"""What no provider is asked for: content would be kept there, another model would answer, or another region."""

_ANTHROPICS_CODES = {"thread": "thread_unsupported_request"}
"""Codes by which Anthropic's clients know what to do without."""


def decode_envelope(body: bytes) -> wire.Envelope:
    """Refused: malformed_json, invalid_request (with the place of the mistake), unsupported."""
    envelope = decode(_envelope, body)
    messages = bytes(envelope.messages)
    if not messages.startswith(b"[") or messages[1:-1].strip() == b"":
        raise Refused("invalid_request", "`messages` must be a list with at least one message.", field="messages")
    for field, message in _NOT_HERE.items():
        if bytes(getattr(envelope, field)) != b"null":
            more = {"error_code": _ANTHROPICS_CODES[field]} if field in _ANTHROPICS_CODES else {}
            raise Refused("unsupported", message, field=field, **more)
    if envelope.max_tokens is None:
        raise Refused(
            "invalid_request", "max_tokens: Field required. Say how long the answer may be.", field="max_tokens"
        )
    return envelope


class RelayBody:
    """The body of a call whose provider speaks this dialect (`services.chat.RelayedBody`)."""

    __slots__ = ("_body", "dialect", "headers", "input_tokens", "model", "output_tokens")

    def __init__(self, body: bytes, envelope: wire.Envelope, *, headers: dict[str, str]) -> None:
        self._body = body
        self.dialect: Dialect = "anthropic"
        self.headers: Headers = tuple(
            (name.encode(), headers[name].encode("latin-1", "replace")) for name in PASSED_ON if name in headers
        )
        self.model = envelope.model
        self.output_tokens = envelope.max_tokens
        self.input_tokens = body_bound(body)

    def likely_input(self) -> int:
        """What cannot be read is booked at its bound."""
        try:
            return min(self.input_tokens, likely_input(read_messages(self._body), is_plain=False))
        except Refused:
            return self.input_tokens

    def patched(self, *, model: str, output_tokens: int) -> bytes:
        fields = _fields.decode(self._body)
        fields["model"] = msgspec.Raw(msgspec.json.encode(model))
        fields["max_tokens"] = msgspec.Raw(str(output_tokens).encode())
        for name in ("packhouse", *_NOT_HERE):
            fields.pop(name, None)
        return msgspec.json.encode(fields)

    def reported(self, payload: bytes, before: ModelTokens | None) -> Reported | None:
        """A stream tells its input at the beginning and, cumulated, its output at the end."""
        if b'"usage"' not in payload:
            return None
        event = _read(payload)
        usage = event.usage or (event.message.usage if event.message else None)
        if usage is None:
            return None
        return Reported(_tokens(usage, before or ModelTokens()), final=event.type != "message_start")

    def likely_output_of(self, payload: bytes) -> float:
        """Bytes: what Claude writes around its calls of tools is in no event, and is billed."""
        if b'"content_block_delta"' not in payload:
            return 0
        delta = _read(payload).delta or _Delta()
        return len(delta.text.encode()) + len(delta.thinking.encode()) + len(delta.partial_json.encode())


def _read(payload: bytes) -> _Payload:
    try:
        return _payload.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(
            "provider_malformed", "The model's provider answered something that is not its protocol."
        ) from error


def _tokens(usage: _Usage, before: ModelTokens) -> ModelTokens:
    """What is left out is as it was."""

    def of(count: int | None, known: int) -> int:
        return known if count is None else count

    return ModelTokens(
        of(usage.input_tokens, before.input),
        of(usage.output_tokens, before.output),
        of(usage.cache_read_input_tokens, before.cache_read),
        of(usage.cache_creation_input_tokens, before.cache_write),
    )
