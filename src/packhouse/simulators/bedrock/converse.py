"""Converse's answers, whole and as event-stream frames."""

from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.simulators.answer import Answer, Use
from packhouse.simulators.asked import Asked
from packhouse.simulators.bedrock import frames
from packhouse.simulators.http import BEAT, Reply, json_reply
from packhouse.simulators.rules import Citation

STREAM_HEADERS = (("content-type", "application/vnd.amazon.eventstream"),)
STOP_SEQUENCE = "/stop_sequence"
"""The one field of Claude's own answer that can be asked for here: which sequence ended it."""

_LATENCY_MS = 7
_STOPS = {
    "end": "end_turn", "tool_use": "tool_use", "max_tokens": "max_tokens", "stop_sequence": "stop_sequence",
    "refusal": "content_filtered", "context_window": "model_context_window_exceeded", "pause": "end_turn",
}  # fmt: skip


class ConverseCall:
    """One call of Converse or ConverseStream."""

    def __init__(self, asked: Asked, *, head: tuple[tuple[str, str], ...], tells_sequence: bool = False) -> None:
        self.asked = asked
        self._head = head
        self._tells_sequence = tells_sequence

    def whole(self, answer: Answer) -> Reply:
        body = {
            "metrics": {"latencyMs": _LATENCY_MS},
            "output": {"message": {"content": list(_blocks(answer)), "role": "assistant"}},
            **self._ending(answer),
            "usage": _usage(answer),
        }
        return json_reply(body, headers=self._head)

    def stream(self, answer: Answer) -> Reply:
        return Reply(200, (*STREAM_HEADERS, *self._head), frames=self._frames(answer))

    def _frames(self, answer: Answer) -> Iterator[bytes]:
        for number, each in enumerate(_events(answer, self._ending(answer))):
            if each is None:
                yield BEAT
            else:
                kind, payload = each
                padded = {**payload, "p": frames.padding(answer.number * 31 + number)}
                yield frames.event(kind, msgspec.json.encode(padded, order="sorted"))

    def _ending(self, answer: Answer) -> dict[str, Any]:
        told = {"additionalModelResponseFields": {"stop_sequence": answer.stop_sequence}}
        return {"stopReason": _stop(answer), **(told if self._tells_sequence else {})}


def _blocks(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.thinking or answer.signature:
        said = {"text": answer.thinking, "signature": answer.signature}
        yield {"reasoningContent": {"reasoningText": said}}
    if answer.redacted:
        yield {"reasoningContent": {"redactedContent": answer.redacted}}
    if answer.citations:
        citations = [_citation(it) for it in answer.citations]
        yield {"citationsContent": {"content": [{"text": answer.text}], "citations": citations}}
    elif answer.text:
        yield {"text": answer.text}
    for use in answer.uses:
        yield {
            "toolUse": {
                "input": msgspec.Raw(use.arguments.encode()),
                "name": use.name,
                "toolUseId": use_id(use),
                "type": "tool_use",
            }
        }


def _events(answer: Answer, ending: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """None stands before each content piece. Text and reasoning have no start of their own, as at the service."""
    yield "messageStart", {"role": "assistant"}
    for index, (start, deltas) in enumerate(_streamed(answer)):
        if start is not None:
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
        while True:
            yield None
            delta = next(deltas, None)
            if delta is None:
                break
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", ending
    yield "metadata", {"metrics": {"latencyMs": _LATENCY_MS}, "usage": _usage(answer)}


def _streamed(answer: Answer) -> Iterator[tuple[dict[str, Any] | None, Iterator[dict[str, Any]]]]:
    if answer.thinking or answer.signature:
        yield None, _thinking(answer)
    if answer.redacted:
        yield None, iter([{"reasoningContent": {"redactedContent": answer.redacted}}])
    if answer.text:
        yield None, _text(answer)
    for use in answer.uses:
        start = {"toolUse": {"name": use.name, "toolUseId": use_id(use)}}
        yield start, iter([{"toolUse": {"input": piece}} for piece in _inputs(use)])


def _thinking(answer: Answer) -> Iterator[dict[str, Any]]:
    for piece in answer.pieces_of(answer.thinking):
        yield {"reasoningContent": {"text": piece}}
    yield {"reasoningContent": {"signature": answer.signature}}


def _text(answer: Answer) -> Iterator[dict[str, Any]]:
    for piece in answer.pieces_of(answer.text):
        yield {"text": piece}
    for each in answer.citations:
        yield {"citation": _citation(each)}


def _inputs(use: Use) -> tuple[str, ...]:
    """The first piece is empty; without arguments nothing else comes."""
    if use.arguments == "{}":
        return ("",)
    half = len(use.arguments) // 2
    return "", use.arguments[:half], use.arguments[half:]


def _citation(said: Citation) -> dict[str, Any]:
    return {
        "title": said.title,
        "sourceContent": [{"text": said.text}],
        "location": {"documentChar": {"documentIndex": said.document, "start": said.start, "end": said.end}},
    }


def _usage(answer: Answer) -> dict[str, Any]:
    said = answer.usage
    usage: dict[str, Any] = {
        "inputTokens": said.input,
        "outputTokens": said.output,
        "serverToolUsage": {},
        "totalTokens": said.input + said.output + said.cache_read + said.cache_write,
    }
    if said.cache_read or said.cache_write:
        usage |= {
            "cacheReadInputTokenCount": said.cache_read,
            "cacheReadInputTokens": said.cache_read,
            "cacheWriteInputTokenCount": said.cache_write,
            "cacheWriteInputTokens": said.cache_write,
        }
    return usage


def use_id(use: Use) -> str:
    return f"tooluse_{use.id}" if use.id.isdigit() else use.id


def _stop(answer: Answer) -> str:
    return _STOPS.get(answer.stop, answer.stop)
