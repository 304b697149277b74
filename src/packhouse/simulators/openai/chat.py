"""Chat completions, whole and as server-sent events."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from packhouse.simulators.answer import Answer, Use
from packhouse.simulators.asked import Asked
from packhouse.simulators.http import BEAT, Reply, json_reply
from packhouse.simulators.rules import Usage

SSE_HEADERS = (("content-type", "text/event-stream; charset=utf-8"),)
_FINISH = {
    "end": "stop", "tool_use": "tool_calls", "max_tokens": "length", "stop_sequence": "stop",
    "refusal": "content_filter", "context_window": "length", "pause": "stop",
}  # fmt: skip
_OBFUSCATION = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class ChatCall:
    """One chat completion."""

    def __init__(
        self, asked: Asked, *, include_usage: bool, obfuscate: bool, head: tuple[tuple[str, str], ...]
    ) -> None:
        self.asked = asked
        self._include_usage = include_usage
        self._obfuscate = obfuscate
        self._head = head

    def whole(self, answer: Answer) -> Reply:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text or (None if answer.uses else ""),
            "refusal": None,
            "annotations": _annotations(answer),
        }
        if answer.thinking:
            message["reasoning_content"] = answer.thinking
        if answer.uses:
            message["tool_calls"] = [_call(use) for use in answer.uses]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
        body = self._envelope(answer, "chat.completion")
        return json_reply({**body, "choices": [choice], "usage": usage(answer)}, headers=self._head)

    def stream(self, answer: Answer) -> Reply:
        return Reply(200, (*SSE_HEADERS, *self._head), frames=self._events(answer))

    def _events(self, answer: Answer) -> Iterator[bytes]:
        envelope = self._envelope(answer, "chat.completion.chunk")
        for delta in _deltas(answer):
            if delta is None:
                yield BEAT
            else:
                yield self._event({**envelope, "choices": [_choice(delta)]}, len(delta))
        yield self._event({**envelope, "choices": [{**_choice({}), "finish_reason": _finish(answer)}]}, 5)
        if self._include_usage:
            yield event({**envelope, "choices": [], "usage": usage(answer)})
        yield b"data: [DONE]\n\n"

    def _event(self, chunk: dict[str, Any], number: int) -> bytes:
        if self._include_usage:
            chunk["usage"] = None
        if self._obfuscate:
            chunk["obfuscation"] = _OBFUSCATION[: 3 + number * 7 % 40]
        return event(chunk)

    def _envelope(self, answer: Answer, kind: str) -> dict[str, Any]:
        return {
            "id": answer.id("chatcmpl-"),
            "object": kind,
            "created": int(time.time()),
            "model": self.asked.model,
            "service_tier": "default",
            "system_fingerprint": "fp_simulated",
        }


def event(payload: object) -> bytes:
    """A server-sent event."""
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"


def usage(answer: Answer) -> dict[str, Any]:
    """OpenAI counts what was read from a cache as a part of the prompt, and knows no writing."""
    said: Usage = answer.usage
    prompt = said.input + said.cache_read + said.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said.output,
        "total_tokens": prompt + said.output,
        "prompt_tokens_details": {"cached_tokens": said.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": answer.thinking_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _deltas(answer: Answer) -> Iterator[dict[str, Any] | None]:
    """None stands before each content piece."""
    yield {"role": "assistant", "content": None if answer.uses and not answer.text else "", "refusal": None}
    for piece in answer.pieces_of(answer.thinking):
        yield None
        yield {"reasoning_content": piece}
    pieces = answer.pieces_of(answer.text)
    while True:
        yield None
        piece = next(pieces, None)
        if piece is None:
            break
        yield {"content": piece}
    for index, use in enumerate(answer.uses):
        yield {"tool_calls": [{"index": index, **_call(use, arguments="")}]}
        for piece in _halves(use.arguments):
            yield None
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _halves(text: str) -> tuple[str, ...]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _choice(delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}


def _call(use: Use, arguments: str | None = None) -> dict[str, Any]:
    said = use.arguments if arguments is None else arguments
    return {"id": use_id(use), "type": "function", "function": {"name": use.name, "arguments": said}}


def use_id(use: Use) -> str:
    return f"call_{use.id}" if use.id.isdigit() else use.id


def _annotations(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "type": "url_citation",
            "url_citation": {"start_index": it.start, "end_index": it.end, "title": it.title, "url": it.text},
        }
        for it in answer.citations
        if it.text.startswith("http")
    ]


def _finish(answer: Answer) -> str:
    return _FINISH.get(answer.stop, answer.stop)
