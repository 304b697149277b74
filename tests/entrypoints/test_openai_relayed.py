"""Answers that are relayed from servers of many kinds: completed to what OpenAI publishes, and read for their cost."""

import base64
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from packhouse.domain.errors import Refused
from packhouse.domain.estimate import TOKENS_PER_IMAGE, TOKENS_PER_PAGE, TOKENS_WITH_PROVIDER_TOOL
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.body import DONE, RelayBody, decode_envelope
from packhouse.entrypoints.gateway.openai.bound import input_bound_of
from packhouse.entrypoints.gateway.openai.relayed import completed, events
from tests.simulators.shapes import check_openai
from tests.support.gateway import gateway
from tests.support.openai_stream import chunks_of, gathered

pytestmark = pytest.mark.anyio

USAGE: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
HEAD: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
CHUNK: dict[str, Any] = {**HEAD, "object": "chat.completion.chunk"}
TRICKY = 'He said "logprobs", "refusal" and "content"; {"choices":[{"message":{'

CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "f", "arguments": TRICKY}}


def answer(message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **fields}


@pytest.mark.needs("specs")
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "body",
    [
        answer({"role": "assistant", "content": "a"}, usage=USAGE),
        answer({"role": "assistant", "content": TRICKY}, system_fingerprint=None),
        answer({"content": None, "tool_calls": [], "role": "assistant"}),
        answer({"role": "assistant", "tool_calls": [CALL]}),
        {"choices": [{"message": {"content": "a", "role": "assistant"}, "index": 0, "finish_reason": "stop"}], **HEAD},
        {**answer({"role": "assistant", "content": "a", "refusal": None}), "system_fingerprint": None},
    ],
)
def test_a_whole_answer_has_what_it_must_have(body: dict[str, Any], indent: int | None) -> None:
    whole = json.loads(completed(json.dumps(body, indent=indent).encode()))
    check_openai("CreateChatCompletionResponse", whole)
    (choice,), (before,) = whole["choices"], body["choices"]
    assert choice["message"] | before["message"] == choice["message"]
    assert {name: whole[name] for name in HEAD} == HEAD


def test_one_that_has_it_all_travels_byte_for_byte() -> None:
    body = json.dumps(answer({"role": "assistant", "content": "a", "refusal": None}), indent=1).encode()
    body = body.replace(b'"index": 0', b'"index": 0, "logprobs": null')
    assert completed(body) is body


async def relayed(*payloads: Any, include_usage: bool = False) -> list[dict[str, Any]]:
    async def source() -> AsyncGenerator[bytes, None]:
        for payload in payloads:
            yield json.dumps(payload).encode()
        yield DONE

    return chunks_of(b"".join([event async for event in events(source(), include_usage=include_usage)]))


@pytest.mark.needs("specs")
async def test_chunks_have_what_they_must_have() -> None:
    sent = [
        {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
        {**CHUNK, "choices": [{"index": 0, "delta": {"content": TRICKY}}], "system_fingerprint": None},
        {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None},
    ]
    chunks = await relayed(*sent)
    for chunk in chunks:
        check_openai("CreateChatCompletionStreamResponse", chunk)
    assert gathered(chunks)["content"] == TRICKY


@pytest.mark.parametrize("include", [True, False])
async def test_only_the_usage_that_nobody_asked_for_is_left_out(include: bool) -> None:
    azure: dict[str, Any] = {**CHUNK, "choices": [], "prompt_filter_results": [], "usage": None}
    moderated = {**CHUNK, "choices": [], "usage": USAGE, "moderation": {"input": {}}}
    last = {**CHUNK, "choices": [], "usage": USAGE}
    assert await relayed(azure, moderated, last, include_usage=include) == [
        azure,
        moderated,
        *([last] if include else []),
    ]


def relay_of(**fields: Any) -> RelayBody:
    body = json.dumps({"messages": [{"role": "user", "content": "x"}], **fields}).encode()
    return RelayBody(body, decode_envelope(body))


def test_usage_is_final_where_an_answer_ends() -> None:
    relay = relay_of(stream=True)
    running = {"choices": [{"delta": {"content": "ab"}, "finish_reason": None}], "usage": USAGE}
    ending = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE}
    alone = {"choices": [], "usage": USAGE}
    found = [relay.reported(json.dumps(payload).encode(), None) for payload in (running, ending, alone)]
    assert [reported and (reported.tokens, reported.final) for reported in found] == [
        (ModelTokens(9, 3), False),
        (ModelTokens(9, 3), True),
        (ModelTokens(9, 3), True),
    ]
    assert relay.reported(json.dumps({"choices": [], "usage": None}).encode(), None) is None
    assert relay.reported(DONE, None) is None


def test_what_a_model_writes_is_counted_wherever_it_stands() -> None:
    relay = relay_of(stream=True)
    call = [{"index": 0, "function": {"arguments": "{}"}}]
    for delta, count in (({"content": "ä"}, 1), ({"reasoning_content": "abc"}, 1), ({"reasoning": "ab"}, 2 / 3),
                         ({"refusal": "No"}, 4 / 3), ({"tool_calls": call}, 2), ({}, 0)):  # fmt: skip
        assert relay.likely_output_of(json.dumps({"choices": [{"delta": delta}]}).encode()) == count
    assert relay.likely_output_of(DONE) == 0


@pytest.mark.parametrize(
    "payload", [b"{", b'{"choices":7}', b'{"choices":[{"delta":{"content":"\xff"}}]}', b'{"choices":' + b"[" * 9_000]
)
def test_what_is_no_answer_is_malformed(payload: bytes) -> None:
    with pytest.raises(Refused) as caught:
        relay_of(stream=True).likely_output_of(payload)
    assert caught.value.code == "provider_malformed"


PDF = b"%PDF-1.4\n" + b"<</Type/Page>>\n" * 3


def bound_of(*parts: Any, **fields: Any) -> int:
    body = {"messages": [{"role": "user", "content": list(parts)}], **fields}
    return input_bound_of(json.dumps(body).encode())


def url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("part", "low", "high"),
    [
        ({"type": "image_url", "image_url": {"url": url("image/png", b"x" * 900_000)}}, TOKENS_PER_IMAGE, 8_000),
        ({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}, TOKENS_PER_IMAGE, 8_000),
        ({"type": "image_url", "image_url": "https://a.example/b.png"}, TOKENS_PER_IMAGE, 8_000),
        ({"type": "file", "file": {"file_data": url("application/pdf", PDF)}}, 3 * TOKENS_PER_PAGE, 25_000),
        ({"type": "file", "file": {"file_data": url("text/plain", b"x" * 30_000)}}, 30_000, 31_000),
        ({"type": "file", "file": {"file_id": "file-1"}}, 100 * TOKENS_PER_PAGE, 801_000),
        ({"type": "file", "file": {"file_data": "data:x;base64,?"}}, 1, 801_000),
        ({"type": "text", "text": '"image_url" "file"'}, 1, 1_000),
    ],
)
def test_images_and_files_count_by_what_they_are(part: Any, low: int, high: int) -> None:
    assert low <= bound_of(part) <= high


def test_a_search_of_the_providers_own_may_bring_much_along() -> None:
    assert bound_of({"type": "text", "text": "x"}, web_search_options={}) > TOKENS_WITH_PROVIDER_TOOL


class Bare(BaseHTTPRequestHandler):
    """A server that says as little as servers do."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body.get("stream"):
            chunks = [
                {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
                {
                    **CHUNK,
                    "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}],
                    "usage": USAGE,
                },
            ]
            data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
            kind = "text/event-stream"
        else:
            data, kind = (
                json.dumps(answer({"role": "assistant", "content": "Hello"}, usage=USAGE)).encode(),
                "application/json",
            )
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


@contextmanager
def bare_server() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bare)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.needs("specs")
async def test_a_server_that_says_little_is_booked_and_answers_as_published(tmp_path: Path) -> None:
    messages: Any = [{"role": "user", "content": "hi"}]
    with bare_server() as server:
        async with gateway(tmp_path, server) as gate:
            create = gate.client().chat.completions.with_raw_response.create
            whole = await create(model="default", messages=messages)
            check_openai("CreateChatCompletionResponse", json.loads(whole.content))
            stream = await create(model="default", messages=messages, stream=True)
            chunks = chunks_of(await stream.http_response.aread())
            for chunk in chunks:
                check_openai("CreateChatCompletionStreamResponse", chunk)
            assert gathered(chunks)["content"] == "Hello"
            assert await gate.usage() == [(9, 3, "reported", "ok")] * 2
