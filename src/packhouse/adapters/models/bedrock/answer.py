"""From Converse's whole answer to the neutral one."""

import msgspec

from packhouse.adapters.models.bedrock import wire, wire_in
from packhouse.adapters.models.bedrock.citations import citation_in
from packhouse.adapters.models.bedrock.eventstream import malformed
from packhouse.domain.chat import ChatAnswer, StopReason
from packhouse.domain.chat_part import Foreign, Image, Part, Text, Thinking, ToolUse
from packhouse.domain.units import ModelTokens

STOP_REASONS: dict[str, StopReason] = {
    "end_turn": "end",
    "tool_use": "tool_use",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "filtered",
    "content_filtered": "filtered",
    "malformed_model_output": "malformed",
    "malformed_tool_use": "malformed",
    "model_context_window_exceeded": "context_full",
    # not in the service's description, but said by the models behind it
    "refusal": "refused",
    "pause_turn": "paused",
}
_answer = msgspec.json.Decoder(wire_in.InAnswer)
_block = msgspec.json.Decoder(wire_in.InBlock)
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])
_count = msgspec.json.Decoder(wire_in.InCount)


def read_answer(body: bytes, counted: ModelTokens | None = None) -> ChatAnswer:
    """`counted` is what the answer's headers say, for a body that has no usage. Refused: provider_malformed."""
    try:
        answer = _answer.decode(body)
        parts = tuple(_part(raw) for raw in answer.output.message.content or ())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed() from error
    called = any(isinstance(part, ToolUse) for part in parts)
    return ChatAnswer(
        parts,
        stop_reason(answer.stop_reason, called=called),
        (answer.usage.tokens() if answer.usage else None) or counted,
        stop_sequence(answer.additional_model_response_fields),
    )


def read_count(body: bytes) -> int:
    """The number of input tokens. Refused: provider_malformed."""
    try:
        return _count.decode(body).input_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed() from error


def stop_reason(said: str, *, called: bool) -> StopReason:
    return STOP_REASONS.get(said, "tool_use" if called else "end")


def stop_sequence(more: object) -> str:
    """The one that ended the answer, from the fields that the request asked for."""
    try:
        return msgspec.convert(more, wire_in.InMore).stop_sequence or ""
    except msgspec.ValidationError:
        return ""


def _part(raw: msgspec.Raw) -> Part:
    """A part that the neutral chat does not know is kept as it is: a tool's call that the service runs itself, too."""
    block = _block.decode(raw)
    if block.text is not None:
        return Text(block.text)
    if (use := block.tool_use) is not None and use.type != "server_tool_use":
        return ToolUse(use.tool_use_id, use.name, bytes(use.input).decode())
    if (thought := block.reasoning_content) is not None:
        return _thinking(thought)
    if (cited := block.citations_content) is not None:
        said = "".join(each.text or "" for each in cited.content or ())
        return Text(said, tuple(citation_in(each) for each in cited.citations or ()))
    if (image := block.image) is not None and image.source.data:
        return Image(f"image/{image.format}", image.source.data)
    return Foreign("bedrock", next(iter(_names.decode(raw)), ""), raw.copy())


def _thinking(thought: wire.Reasoning) -> Thinking:
    if (text := thought.reasoning_text) is not None:
        return Thinking(text.text, text.signature or "")
    return Thinking("", redacted=thought.redacted_content or "")
