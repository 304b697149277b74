"""Recorded exchanges with OpenAI: relayed or translated, nothing is dropped, nothing invented, every token counted."""

import gzip
import json
from collections.abc import AsyncGenerator, Iterator
from functools import cache
from typing import Any

import pytest

from packhouse.adapters.models.http import SseDecoder
from packhouse.adapters.models.openai_compatible.answer import ChunkReader, read_answer
from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatPiece, StreamEnd
from packhouse.domain.errors import Refused
from packhouse.domain.estimate import input_bound
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.body import RelayBody, decode_envelope
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.entrypoints.gateway.openai.relayed import completed, events
from packhouse.entrypoints.gateway.openai.write import completion
from tests.simulators.shapes import check_openai
from tests.support.needs import SHARED
from tests.support.openai_stream import HEADING, chunks_of, gathered, written

pytestmark = [pytest.mark.anyio, pytest.mark.needs("recordings")]

REFUSED = {"input_audio": "Audio", "file_id": "file_id"}
"""What is refused of a recorded request where it is translated, and what the refusal says."""

UNREAD = {"prompt_cache_key", "prompt_cache_options", "n", "stream", "stream_options"}
"""Fields that a translated request does without, or that are written anew."""


@cache
def exchanges() -> tuple[dict[str, Any], ...]:
    with gzip.open(SHARED / "recorded" / "openai.jsonl.gz", "rt") as file:
        found = tuple(it for line in file if (it := json.loads(line))["path"] == "/v1/chat/completions")
    assert len(found) > 100
    return found


def answered() -> Iterator[tuple[dict[str, Any], bytes]]:
    for exchange in exchanges():
        if exchange["status"] == 200 and "json" in exchange["response"]:
            yield exchange["request"], json.dumps(exchange["response"]["json"]).encode()


def streamed() -> Iterator[tuple[dict[str, Any], list[bytes]]]:
    for exchange in exchanges():
        if exchange["status"] == 200 and "text" in exchange["response"]:
            yield (
                exchange["request"],
                [event.data for event in SseDecoder().feed(exchange["response"]["text"].encode())],
            )


def usages() -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each request with what was reported for it."""
    for request, body in answered():
        yield json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode(), json.loads(body)["usage"]
    for request, payloads in streamed():
        reported = [usage for payload in payloads[:-1] if (usage := json.loads(payload).get("usage"))]
        yield json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode(), reported[-1]


def relay_of(request: dict[str, Any]) -> RelayBody:
    body = json.dumps(request).encode()
    return RelayBody(body, decode_envelope(body))


def assert_counted(tokens: ModelTokens | None, usage: dict[str, Any]) -> None:
    assert tokens is not None
    details = usage["prompt_tokens_details"]
    assert tokens.input + tokens.cache_read + tokens.cache_write == usage["prompt_tokens"]
    assert (tokens.output, tokens.total) == (usage["completion_tokens"], usage["total_tokens"])
    assert (tokens.cache_read, tokens.cache_write) == (
        details["cached_tokens"],
        details.get("cache_write_tokens", 0),
    )


def test_no_body_is_held_at_less_than_was_reported_nor_beyond_all_measure() -> None:
    for body, usage in usages():
        bound = RelayBody(body, decode_envelope(body)).input_tokens
        assert bound >= usage["prompt_tokens"]
        if any(kind.encode() in body for kind in REFUSED):
            continue
        assert input_bound(read_chat(body)) >= usage["prompt_tokens"]
        if b"web_search" not in body:
            assert bound <= 40 * usage["prompt_tokens"] + 20_000


def test_every_request_is_read_and_written_again() -> None:
    refused = 0
    for exchange in exchanges():
        request = exchange["request"]
        body = json.dumps(request).encode()
        unsupported = [said for kind, said in REFUSED.items() if kind.encode() in body]
        if unsupported:
            refused += 1
            with pytest.raises(Refused, match=unsupported[0]):
                read_chat(body)
            continue
        neutral = read_chat(body)
        again = json.loads(chat_body(neutral, stream=False, ways=Ways(output_cap_field="max_completion_tokens")))
        assert _told(again) == _told(request)
        assert read_chat(json.dumps(again).encode()).messages == _without_cache_points(neutral.messages)
    assert refused == 7


def _told(request: dict[str, Any]) -> dict[str, Any]:
    """A request without what says nothing, written one way where the dialect has several."""
    told = {name: value for name, value in request.items() if name not in UNREAD and value is not None}
    told["messages"] = [_message(message) for message in request["messages"]]
    if "tools" in told:
        told.setdefault("tool_choice", "auto")
        told["tools"] = [_tool(tool) for tool in told["tools"]]
    return told


def _message(message: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in message.items() if value is not None}
    if told["role"] == "developer":
        told["role"] = "system"
    content = told.get("content")
    if isinstance(content, list):
        parts = [{name: value for name, value in part.items() if name != "prompt_cache_breakpoint"} for part in content]
        told["content"] = parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
    return told


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in tool["function"].items() if value not in (None, "", False)}
    return {"type": tool["type"], "function": said}


def _without_cache_points(messages: Any) -> Any:
    return tuple(
        type(message)(message.role, tuple(part for part in message.parts if type(part).__name__ != "CachePoint"))
        for message in messages
    )


def test_every_answer_is_written_as_it_was_read() -> None:
    for _, body in answered():
        answer, given = read_answer(body), json.loads(body)
        assert_counted(answer.tokens, given["usage"])
        tokens = answer.tokens or ModelTokens()
        written_ = json.loads(completion(HEADING, answer, tokens=tokens))
        check_openai("CreateChatCompletionResponse", written_)
        (choice,), (before,) = written_["choices"], given["choices"]
        assert choice["finish_reason"] == before["finish_reason"]
        assert _said(choice["message"]) == _said(before["message"])
        assert_counted(tokens, written_["usage"])


def test_every_stream_is_written_as_it_was_read() -> None:
    count = 0
    for _, payloads in streamed():
        count += 1
        reader = ChunkReader()
        pieces: list[ChatPiece] = [piece for payload in payloads[:-1] for piece in reader.read(payload)]
        end = reader.end()
        chunks = written([*pieces, StreamEnd(end.stop_reason, end.tokens)])
        for chunk in chunks:
            check_openai("CreateChatCompletionStreamResponse", chunk)
        given, again = gathered(map(json.loads, payloads[:-1])), gathered(chunks)
        assert again["finish_reason"] == given["finish_reason"]
        assert _said(again) == _said(given)
        assert_counted(end.tokens, given["usage"])
        assert again["usage"]["total_tokens"] == given["usage"]["total_tokens"]
    assert count > 20


def _said(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what says nothing."""
    names = ("role", "content", "refusal", "annotations", "tool_calls", "reasoning_content")
    return {name: message[name] for name in names if message.get(name)}


async def test_a_relayed_answer_is_as_published_and_says_the_same() -> None:
    for request, body in answered():
        whole = completed(body)
        check_openai("CreateChatCompletionResponse", json.loads(whole))
        assert _without_nulls(json.loads(whole)) == _without_nulls(json.loads(body))
        relay = relay_of(request)
        reported = relay.reported(body, None)
        assert reported is not None
        assert_counted(reported.tokens, json.loads(body)["usage"])


async def test_a_relayed_stream_is_as_published_and_says_the_same() -> None:
    for request, payloads in streamed():
        relay, last = relay_of(request), None
        for payload in payloads:
            relay.likely_output_of(payload)
            last = relay.reported(payload, None) or last
        given = [json.loads(payload) for payload in payloads[:-1]]
        chunks = chunks_of(b"".join([event async for event in events(_as_they_come(payloads), include_usage=True)]))
        for chunk in chunks:
            check_openai("CreateChatCompletionStreamResponse", chunk)
        assert list(map(_without_nulls, chunks)) == list(map(_without_nulls, given))
        assert last is not None
        assert last.final
        assert_counted(last.tokens, gathered(given)["usage"])


async def _as_they_come(payloads: list[bytes]) -> AsyncGenerator[bytes, None]:
    for payload in payloads:
        yield payload


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
