"""Messages, whole and as events."""

from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.simulators.answer import Answer, Use
from packhouse.simulators.asked import Asked
from packhouse.simulators.http import BEAT, Reply, json_reply
from packhouse.simulators.rules import Citation

SSE_HEADERS = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
_STOPS = {
    "end": "end_turn", "tool_use": "tool_use", "max_tokens": "max_tokens", "stop_sequence": "stop_sequence",
    "refusal": "refusal", "context_window": "model_context_window_exceeded", "pause": "pause_turn",
}  # fmt: skip

Event = dict[str, Any]


class MessagesCall:
    """One call of `/v1/messages`."""

    def __init__(self, asked: Asked, *, head: tuple[tuple[str, str], ...]) -> None:
        self.asked = asked
        self._head = head

    def whole(self, answer: Answer) -> Reply:
        return json_reply(message(self.asked, answer), headers=self._head)

    def stream(self, answer: Answer) -> Reply:
        return Reply(200, (*SSE_HEADERS, *self._head), frames=self._frames(answer))

    def _frames(self, answer: Answer) -> Iterator[bytes]:
        for each in events(self.asked, answer):
            yield BEAT if each is None else event(each)


def event(payload: Event) -> bytes:
    """A named server-sent event."""
    return f"event: {payload['type']}\ndata: ".encode() + msgspec.json.encode(payload) + b"\n\n"


def message(asked: Asked, answer: Answer, *, at_bedrock: bool = False) -> Event:
    """The answer as a Messages object; Bedrock's has ids of its own, and says less."""
    return {
        **_opening(asked, answer, at_bedrock=at_bedrock),
        "content": [_block(each) for each in _blocks(answer)],
        **_ending(answer),
        "usage": _usage(answer, at_bedrock),
    }


def events(asked: Asked, answer: Answer, *, at_bedrock: bool = False) -> Iterator[Event | None]:
    """The answer's events; None stands before each content piece."""
    begun: Event = {
        **_opening(asked, answer, at_bedrock=at_bedrock),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    yield {"type": "message_start", "message": {**begun, "usage": {**_usage(answer, at_bedrock), "output_tokens": 1}}}
    for index, block in enumerate(_blocks(answer)):
        yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
        if index == 0:
            yield {"type": "ping"}
        deltas = _deltas(block, answer)
        while True:
            yield None
            delta = next(deltas, None)
            if delta is None:
                break
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    said = answer.usage
    counted = {
        "input_tokens": said.input,
        "cache_creation_input_tokens": said.cache_write,
        "cache_read_input_tokens": said.cache_read,
        "output_tokens": said.output,
    }
    yield {"type": "message_delta", "delta": _ending(answer), "usage": counted}
    yield {"type": "message_stop"}


def _usage(answer: Answer, at_bedrock: bool) -> Event:
    said = answer.usage
    counts: Event = {
        "input_tokens": said.input,
        "cache_creation_input_tokens": said.cache_write,
        "cache_read_input_tokens": said.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": said.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": said.output,
    }
    return counts if at_bedrock else {**counts, "service_tier": "standard", "inference_geo": "not_available"}


class _Thinking(msgspec.Struct, frozen=True):
    text: str
    signature: str


class _Redacted(msgspec.Struct, frozen=True):
    data: str


class _Text(msgspec.Struct, frozen=True):
    text: str
    citations: tuple[Citation, ...]


_Block = _Thinking | _Redacted | _Text | Use


def _blocks(answer: Answer) -> Iterator[_Block]:
    if answer.thinking or answer.signature:
        yield _Thinking(answer.thinking, answer.signature)
    if answer.redacted:
        yield _Redacted(answer.redacted)
    if answer.text or answer.citations:
        yield _Text(answer.text, answer.citations)
    yield from answer.uses


def _block(block: _Block) -> Event:
    match block:
        case _Thinking(text=text, signature=signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case _Redacted(data=data):
            return {"type": "redacted_thinking", "data": data}
        case _Text(text=text, citations=citations):
            said = {"citations": [citation(it) for it in citations]} if citations else {}
            return {"type": "text", "text": text, **said}
        case Use(name=name, arguments=arguments):
            return {"type": "tool_use", "id": use_id(block), "name": name, "input": msgspec.Raw(arguments.encode())}


def _empty(block: _Block) -> Event:
    """As it stands at its start."""
    match block:
        case _Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _Redacted():
            return _block(block)
        case _Text(citations=citations):
            return {"type": "text", "text": "", **({"citations": []} if citations else {})}
        case Use(name=name):
            return {"type": "tool_use", "id": use_id(block), "name": name, "input": {}}


def _deltas(block: _Block, answer: Answer) -> Iterator[Event]:
    match block:
        case _Thinking(text=text, signature=signature):
            for piece in answer.pieces_of(text):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": signature}
        case _Redacted():
            return
        case _Text(text=text, citations=citations):
            for piece in answer.pieces_of(text):
                yield {"type": "text_delta", "text": piece}
            for each in citations:
                yield {"type": "citations_delta", "citation": citation(each)}
        case Use(arguments=arguments):
            yield {"type": "input_json_delta", "partial_json": ""}
            half = len(arguments) // 2
            for piece in (arguments[:half], arguments[half:]):
                yield {"type": "input_json_delta", "partial_json": piece}


def citation(said: Citation) -> Event:
    return {
        "type": "char_location",
        "cited_text": said.text,
        "document_index": said.document,
        "document_title": said.title or None,
        "start_char_index": said.start,
        "end_char_index": said.end,
        "file_id": None,
    }


def use_id(use: Use) -> str:
    return f"toolu_{use.id}" if use.id.isdigit() else use.id


def _opening(asked: Asked, answer: Answer, *, at_bedrock: bool) -> Event:
    # "eu.anthropic.claude-haiku-4-5-20251001-v1:0" is "claude-haiku-4-5-20251001" to itself.
    model = asked.model.rpartition("anthropic.")[2].partition("-v1:")[0] if at_bedrock else asked.model
    id_ = answer.id("msg_bdrk_" if at_bedrock else "msg_")
    return {"model": model, "id": id_, "type": "message", "role": "assistant"}


def _ending(answer: Answer) -> Event:
    return {"stop_reason": _STOPS.get(answer.stop, answer.stop), "stop_sequence": answer.stop_sequence}
