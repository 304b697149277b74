"""The adapter for OpenAI's dialect against servers with the quirks that real ones have."""

import asyncio
import base64
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.http import UpstreamClient
from packhouse.adapters.models.openai_compatible.adapter import OpenAICompatible, Ways
from packhouse.domain.chat import (
    ChatPiece,
    ChatRequest,
    Message,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Text, Thinking, ToolUse
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from tests.support.raw_http import RawClient, raw_server

pytestmark = pytest.mark.anyio

ASKED = ChatRequest(model="m", messages=(Message("user", (Text("Hello"),)),), output_tokens_max=9)
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
TOKENS = ModelTokens(8, 3, cache_read=4)


class Upstream:
    """Answers every request with `answer`; keeps the heads and bodies that it got."""

    def __init__(self, answer: bytes) -> None:
        self.answers = [answer]
        self.heads: list[bytes] = []
        self.bodies: list[Any] = []
        self.sents = 0

    def sent(self) -> None:
        self.sents += 1

    async def serve(self, client: RawClient) -> None:
        while True:
            head, _, body = (await client.request()).partition(b"\r\n\r\n")
            self.heads.append(head)
            self.bodies.append(msgspec.json.decode(body))
            answer = self.answers[min(len(self.bodies), len(self.answers)) - 1]
            client.send(answer)
            if b"content-length" not in answer:
                return


@asynccontextmanager
async def adapter_at(upstream: Upstream, **arguments: Any) -> AsyncGenerator[OpenAICompatible]:
    client = UpstreamClient()
    async with raw_server(upstream.serve) as port:
        yield OpenAICompatible(f"http://127.0.0.1:{port}/v1/", client=client, **arguments)
        client.close()


def whole(body: object, *, status: int = 200, head: str = "") -> bytes:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return f"HTTP/1.1 {status} X\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data


def stream(*payloads: object, done: bool = True, kind: str = "text/event-stream; charset=utf-8") -> bytes:
    events = [payload if isinstance(payload, bytes) else msgspec.json.encode(payload) for payload in payloads]
    events += [b"[DONE]"] if done else []
    body = b"".join(b"data: %b\n\n" % event for event in events)
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n".encode() + body


def chunk(finish: str | None = None, usage: object = None, **delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": usage}


def completion(finish: str | None = "stop", usage: object = None, **message: object) -> dict[str, object]:
    choice = {"message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"choices": [choice], **({"usage": usage} if usage else {})}


async def pieces_of(answer: bytes) -> list[ChatPiece]:
    upstream = Upstream(answer)
    async with adapter_at(upstream) as adapter:
        pieces = [piece async for piece in adapter.stream(ASKED, upstream.sent)]
    assert upstream.sents == 1
    return pieces


async def test_an_answer() -> None:
    upstream = Upstream(whole(completion("length", USAGE, content="Hi", reasoning_content="Hm")))
    async with adapter_at(upstream, api_key="k", headers={"x-org": "o"}) as adapter:
        answer = await adapter.answer(ASKED, upstream.sent)
    assert answer.parts == (Thinking("Hm"), Text("Hi"))
    assert (answer.stop_reason, answer.tokens, upstream.sents) == ("length", TOKENS, 1)
    lines = upstream.heads[0].split(b"\r\n")
    assert lines[0] == b"POST /v1/chat/completions HTTP/1.1"
    assert {b"authorization: Bearer k", b"x-org: o", b"content-type: application/json"} <= set(lines)
    messages = [{"role": "user", "content": "Hello"}]
    assert upstream.bodies == [{"model": "m", "messages": messages, "max_tokens": 9}]


async def test_a_query_stays_behind_the_path_and_the_caps_field_can_be_chosen() -> None:
    upstream = Upstream(whole(completion()))
    client = UpstreamClient()
    async with raw_server(upstream.serve) as port:
        ways = Ways(output_cap_field="max_completion_tokens")
        url = f"http://127.0.0.1:{port}/openai?api-version=1"
        adapter = OpenAICompatible(url, client=client, headers={"api-key": "k"}, ways=ways)
        await adapter.answer(ASKED, upstream.sent)
        client.close()
    assert upstream.heads[0].startswith(b"POST /openai/chat/completions?api-version=1 HTTP/1.1\r\n")
    assert b"authorization" not in upstream.heads[0]
    assert upstream.bodies[0]["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("ways", "sent"),
    [
        (Ways(), {"max_completion_tokens": 5, "stream_options": {"include_usage": True}}),
        (Ways(output_cap_field="max_tokens"), {"max_tokens": 5, "stream_options": {"include_usage": True}}),
        (Ways(output_cap_field="max_completion_tokens", asks_usage=False), {"max_completion_tokens": 5}),
    ],
)
async def test_a_relayed_body_is_put_in_the_words_that_its_server_takes(ways: Ways, sent: dict[str, Any]) -> None:
    body = b'{"stream_options":{"include_usage":true},"max_completion_tokens":5,"x":[1.50]}'
    upstream = Upstream(stream(chunk("stop")))
    async with adapter_at(upstream, ways=ways) as adapter:
        async for _ in adapter.relay_stream(body, upstream.sent):
            pass
    assert upstream.bodies == [sent | {"x": [1.5]}]


async def test_a_server_that_refuses_the_question_is_not_asked_for_usage() -> None:
    upstream = Upstream(stream(chunk("stop", USAGE)))
    async with adapter_at(upstream, ways=Ways(asks_usage=False)) as adapter:
        pieces = [piece async for piece in adapter.stream(ASKED, upstream.sent)]
    assert pieces == [StreamEnd("end", TOKENS)]
    assert "stream_options" not in upstream.bodies[0]


@pytest.mark.parametrize(
    ("body", "parts", "reason", "tokens"),
    [
        (completion(content="a"), (Text("a"),), "end", None),
        (completion(None, content="a"), (Text("a"),), "end", None),
        (completion("new_reason", content=None), (), "end", None),
        (completion("content_filter", content="a"), (Text("a"),), "filtered", None),
        (completion("content_filter", refusal="No."), (Text("No."),), "refused", None),
        (completion("stop", refusal="No."), (Text("No."),), "refused", None),
        (
            completion(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
            (Text("ab"),),
            "end",
            None,
        ),
        (completion(content="a", usage={"prompt_tokens": None}), (Text("a"),), "end", None),
        (completion(content="", usage={"prompt_tokens": 5}), (), "end", ModelTokens(5, 0)),
        (
            completion("stop", tool_calls=[{"function": {"name": "f", "arguments": {"a": 1}}}]),
            (ToolUse("call_0", "f", '{"a":1}'),),
            "tool_use",
            None,
        ),
        (
            completion("tool_calls", tool_calls=[{"id": "i", "function": {"name": "f", "arguments": '{"a":1}'}}]),
            (ToolUse("i", "f", '{"a":1}'),),
            "tool_use",
            None,
        ),
        (
            {"choices": [{"message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "END"}]},
            (Text("a"),),
            "stop_sequence",
            None,
        ),
    ],
)
async def test_quirks_of_answers(body: object, parts: object, reason: str, tokens: ModelTokens | None) -> None:
    upstream = Upstream(whole(body))
    async with adapter_at(upstream) as adapter:
        answer = await adapter.answer(ASKED, upstream.sent)
    assert (answer.parts, answer.stop_reason, answer.tokens) == (parts, reason, tokens)


async def test_a_stream() -> None:
    upstream = Upstream(
        stream(
            chunk(role="assistant", content=""),
            chunk(reasoning="Hm"),
            chunk(content="Hel"),
            chunk(content="lo"),
            chunk("stop"),
            {"choices": [], "usage": USAGE},
        )
    )
    async with adapter_at(upstream) as adapter:
        pieces = [piece async for piece in adapter.stream(ASKED, upstream.sent)]
    assert pieces == [ThinkingDelta("Hm"), TextDelta("Hel"), TextDelta("lo"), StreamEnd("end", TOKENS)]
    assert (upstream.bodies[0]["stream"], upstream.bodies[0]["stream_options"]) == (True, {"include_usage": True})
    assert b"accept: text/event-stream" in upstream.heads[0]


@pytest.mark.parametrize(
    ("calls", "pieces"),
    [
        (
            [
                [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}],
                [{"index": 0, "function": {"arguments": "{"}}],
                [{"index": 0, "id": None, "function": {"arguments": "}"}}],
                [{"index": 1, "id": "b", "function": {"name": "g"}}],
            ],
            [ToolUseStart(0, "a", "f"), ToolUseDelta(0, "{"), ToolUseDelta(0, "}"), ToolUseStart(1, "b", "g")],
        ),
        (
            [[{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b", "function": {"name": "g"}}]],
            [ToolUseStart(0, "a", "f"), ToolUseDelta(0, "{}"), ToolUseStart(1, "b", "g")],
        ),
        (
            [
                [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
                [{"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}}],
            ],
            [ToolUseStart(0, "a", "f"), ToolUseDelta(0, "{}"), ToolUseStart(1, "b", "g"), ToolUseDelta(1, "{}")],
        ),
        (
            [[{"index": 0, "function": {"name": "f"}}], [{"index": 1, "function": {"name": "g"}}]],
            [ToolUseStart(0, "call_0", "f"), ToolUseStart(1, "call_1", "g")],
        ),
    ],
    ids=["as OpenAI does", "without index", "one index for all", "without ids"],
)
async def test_tools_in_a_stream(calls: list[Any], pieces: list[ChatPiece]) -> None:
    payloads = [chunk(tool_calls=call) for call in calls]
    assert await pieces_of(stream(*payloads, chunk("stop"))) == [*pieces, StreamEnd("tool_use", None)]


@pytest.mark.parametrize(
    "payloads",
    [
        [chunk(content="a"), chunk("stop", USAGE)],
        [chunk(content="a", usage={"prompt_tokens": 1}), chunk("stop"), {"choices": [], "usage": USAGE}],
        [chunk(content="a"), chunk("stop", USAGE), {"choices": [], "usage": None}],
    ],
    ids=["with the end", "running", "before an empty one"],
)
@pytest.mark.parametrize("done", [True, False])
async def test_places_of_usage(payloads: list[object], *, done: bool) -> None:
    assert await pieces_of(stream(*payloads, done=done)) == [TextDelta("a"), StreamEnd("end", TOKENS)]


async def refusal_of(answer: bytes, *, streamed: bool) -> Refused:
    upstream = Upstream(answer)
    async with adapter_at(upstream) as adapter:
        payloads = adapter.relay_stream(b"{}", upstream.sent)
        with pytest.raises(Refused) as caught:
            await (anext(payloads) if streamed else adapter.relay(b"{}", upstream.sent))
    assert upstream.sents == 1
    return caught.value


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (400, {"error": {"message": "no tools", "type": "x", "code": None}}, "provider_refused", "no tools"),
        (404, {"error": "model 'm' not found"}, "provider_refused", "model 'm' not found"),
        (422, {"detail": "bad field"}, "provider_refused", "bad field"),
        (422, {"detail": [{"loc": ["body"]}]}, "provider_refused", "422"),
        (422, {"detail": [{"loc": ["body", "n"], "msg": "extra"}]}, "provider_refused", "body.n: extra"),
        (422, {"object": "Error", "message": {"detail": [{"loc": ["a"], "msg": "b"}]}}, "provider_refused", "a: b"),
        (400, {"error": {"message": {"odd": 1}, "code": ["x"]}}, "provider_refused", "400"),
        (400, {"error": {"message": "n", "type": "exceed_context_size_error"}}, "context_exceeded", "n"),
        (413, b"<html>", "provider_refused", "413"),
        (400, {"object": "error", "message": "too few", "code": 400}, "provider_refused", "too few"),
        (400, {"message": "mistral says"}, "provider_refused", "mistral says"),
        (400, {"error": {"message": "long", "code": "context_length_exceeded"}}, "context_exceeded", "long"),
        (400, {"error": {"message": "maximum context length is 9"}}, "context_exceeded", "is 9"),
        (401, {"error": {"message": "key sk-SECRET is wrong"}}, "provider_refused", "this installation"),
        (403, {"error": {"message": "project SECRET"}}, "provider_refused", "this installation"),
        (402, {"error": {"message": "SECRET owes money"}}, "provider_refused", "this installation"),
        (408, b"", "provider_timeout", "in time"),
        (504, b"SECRET", "provider_timeout", "in time"),
        (429, {"error": {"message": "SECRET"}}, "provider_throttled", "throttling"),
        (429, {"error": {"message": "SECRET", "type": "insufficient_quota"}}, "provider_refused", "this installation"),
        (400, {"error": {"message": "SECRET", "code": "billing_not_active"}}, "provider_refused", "this installation"),
        (500, {"error": {"message": "SECRET"}}, "provider_failed", "500"),
        (529, b"\xff", "provider_failed", "529"),
        (302, b"", "provider_failed", "302"),
        (200, b"<html>SECRET", "provider_malformed", "protocol"),
        (200, {"error": {"message": "bad", "code": 400}}, "provider_refused", "bad"),
        (200, {"error": "SECRET"}, "provider_failed", "error"),
        (200, b'{"choices":' + b"[" * 9_000 + b"]" * 9_000 + b"}", "provider_malformed", "protocol"),
    ],
)
async def test_refusals(status: int, body: object, code: str, said: str, *, streamed: bool) -> None:
    refused = await refusal_of(whole(body, status=status), streamed=streamed)
    assert refused.code == code
    assert said in refused.message
    assert "SECRET" not in refused.message


@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-1", 0.0), ("inf", None), ("nan", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
async def test_a_server_that_is_busy_says_so_and_when_to_come_back(
    status: int, given: str, seconds: float | None
) -> None:
    refused = await refusal_of(whole(b"", status=status, head=f"Retry-After: {given}\r\n"), streamed=False)
    assert refused.facts == {"status": status} | ({} if seconds is None else {"retry_after_seconds": seconds})


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"error": {"message": "overloaded", "code": 503}}, "provider_failed"),
        ({"error": {"message": "slow down", "code": 429}}, "provider_throttled"),
        ({"error": {"message": "maximum context length"}}, "context_exceeded"),
        ({"object": "error", "message": "bad", "code": 400}, "provider_refused"),
        ({"error": "it fell over"}, "provider_failed"),
        ({"error": {"message": "x", "code": "9" * 5_000}}, "provider_failed"),
        ({"error": {"message": "x", "code": "insufficient_quota"}}, "provider_refused"),
    ],
)
async def test_errors_inside_a_stream(payload: object, code: str) -> None:
    upstream = Upstream(stream(chunk(content='an "error" in words'), payload))
    async with adapter_at(upstream) as adapter:
        pieces = adapter.stream(ASKED, upstream.sent)
        assert await anext(pieces) == TextDelta('an "error" in words')
        with pytest.raises(Refused) as caught:
            await anext(pieces)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (stream(chunk(content="a"), done=False), "provider_cut"),
        (stream(b"{nonsense"), "provider_malformed"),
        (stream({"choices": 7}), "provider_malformed"),
        (stream(b'{"choices":[{"delta":{"content":"\xff"}}]}'), "provider_malformed"),
        (stream(chunk(), kind="text/html"), "provider_malformed"),
    ],
)
async def test_streams_that_break(answer: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await pieces_of(answer)
    assert caught.value.code == code


async def test_the_relay_changes_nothing() -> None:
    body = b'{ "choices" : [ ], "x":1.50 }'
    upstream = Upstream(whole(body))
    async with adapter_at(upstream) as adapter:
        assert (await adapter.relay(b'{"b": 1,  "a": 2}', upstream.sent)).body == body
    odd = b'{"choices":[{"finish_reason" : "stop"}],  "x":1.50}'
    for done in (True, False):
        upstream = Upstream(stream(b'{ "x" : 1 }', odd, done=done))
        async with adapter_at(upstream) as adapter:
            payloads = [payload async for payload in adapter.relay_stream(b"{}", upstream.sent)]
        assert payloads == [b'{ "x" : 1 }', odd, b"[DONE]"]


async def test_payloads_are_not_kept_back() -> None:
    go = asyncio.Event()

    async def serve(client: RawClient) -> None:
        await client.request()
        client.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\ndata: {}")
        await go.wait()

    async with raw_server(serve) as port:
        client = UpstreamClient()
        adapter = OpenAICompatible(f"http://127.0.0.1:{port}", client=client)
        payloads = adapter.relay_stream(b"{}", lambda: None)
        assert await asyncio.wait_for(anext(payloads), 5) == b"{}"
        await payloads.aclose()
        go.set()
        client.close()


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings(encoding: str) -> None:
    def vector(index: int) -> dict[str, object]:
        numbers = [index + 0.5, -1.0]
        packed = base64.b64encode(struct.pack("<2f", *numbers)).decode()
        return {"index": index, "embedding": numbers if encoding == "float" else packed}

    usage = {"prompt_tokens": 3, "total_tokens": 3}
    upstream = Upstream(whole({"data": [vector(1), vector(0)], "usage": usage}))
    upstream.answers.append(whole({"data": [vector(0)], "usage": usage}))
    ways = msgspec.convert({"embed_texts_max": 2, "embedding_encoding": encoding}, Ways)
    request = EmbedRequest(model="e", inputs=("a", "b", "c"), dimensions=2)
    async with adapter_at(upstream, ways=ways) as adapter:
        answer = await adapter.embed(request, upstream.sent)
    assert [struct.unpack("<2f", v) for v in answer.vectors] == [(0.5, -1.0), (1.5, -1.0), (0.5, -1.0)]
    assert (answer.dimensions, answer.tokens, upstream.sents) == (2, ModelTokens(6), 1)
    head = {"model": "e", "encoding_format": encoding, "dimensions": 2}
    assert upstream.bodies == [head | {"input": ["a", "b"]}, head | {"input": ["c"]}]


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"embedding": [1.0]}, {"embedding": [1.0]}],
        [{"embedding": []}],
        [{"embedding": "x"}],
        [{"embedding": "AAA="}],
        [{"embedding": [None]}],
        [{"vector": [1.0]}],
        [{"embedding": [1.0], "more": msgspec.Raw(b"[" * 9_000 + b"]" * 9_000)}],
    ],
)
async def test_vectors_that_are_none(data: object) -> None:
    upstream = Upstream(whole({"data": data}))
    async with adapter_at(upstream) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.embed(EmbedRequest(model="e", inputs=("a",)), upstream.sent)
    assert caught.value.code == "provider_malformed"
