"""What the adapter sends is OpenAI's dialect as published; what real servers answered is understood."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, validate

from packhouse.adapters.models.http import SseDecoder
from packhouse.adapters.models.openai_compatible.answer import ChunkReader, read_answer
from packhouse.adapters.models.openai_compatible.refusals import refusal
from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatRequest, Message, OutputFormat, StreamEnd, TextDelta, Tool, ToolChoice
from packhouse.domain.chat_part import Document, Image, Text, Thinking, ToolUse, text_result
from packhouse.domain.errors import Refused
from tests.support.needs import SHARED

SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')
TOOLS = (Tool("f", "What it does", SCHEMA, strict=True), Tool("g"))
TALK = (
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("Look:"), Image("image/png", b"\x89PNG"), Image(url="https://a/b.png", detail="low"))),
    Message(
        "assistant", (Thinking("Hm", "s"), Text("Calling."), ToolUse("c1", "f", '{"a":"b"}'), ToolUse("c2", "g", ""))
    ),
    Message("tool", (text_result("c1", "one"), text_result("c2", "two", is_error=True))),
    Message("user", (text_result("c3", "three"), Text("And this"), Document("application/pdf", b"%PDF", name="a.pdf"))),
)


def body_of(request: ChatRequest, *, stream: bool = False) -> dict[str, Any]:
    return json.loads(chat_body(request, stream=stream, ways=Ways()))


def test_a_conversation() -> None:
    messages = body_of(ChatRequest(model="m", messages=TALK))["messages"]
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":"b"}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert messages == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
                {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": "Calling.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "tool", "tool_call_id": "c3", "content": "three"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And this"},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice(), {"tool_choice": "auto"}),
        (ToolChoice("none"), {"tool_choice": "none"}),
        (ToolChoice("required", parallel=False), {"tool_choice": "required", "parallel_tool_calls": False}),
        (ToolChoice("tool", "f"), {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
    ],
)
def test_tools(choice: ToolChoice, sent: dict[str, Any]) -> None:
    body = body_of(ChatRequest(model="m", messages=TALK[:1], tools=TOOLS, tool_choice=choice))
    assert {name: body[name] for name in body if name.startswith(("tool_", "parallel"))} == sent
    assert body["tools"][0] == {
        "type": "function",
        "function": {
            "name": "f",
            "description": "What it does",
            "parameters": json.loads(bytes(SCHEMA)),
            "strict": True,
        },
    }


def test_documents_by_url_are_refused() -> None:
    with pytest.raises(Refused) as caught:
        body_of(ChatRequest(model="m", messages=(Message("user", (Document(url="https://a/b.pdf"),)),)))
    assert caught.value.code == "unsupported"


REQUESTS = [
    ChatRequest(model="m", messages=TALK[:1]),
    ChatRequest(model="m", messages=TALK, tools=TOOLS, output_tokens_max=7, temperature=0.5, top_p=0.1, seed=3),
    ChatRequest(model="m", messages=TALK[:1], stop=("a", "b"), presence_penalty=1.0, frequency_penalty=-1.0),
    ChatRequest(model="m", messages=TALK[:1], output_format=OutputFormat("json_object")),
    ChatRequest(model="m", messages=TALK[:1], output_format=OutputFormat("json_schema", SCHEMA, "n", strict=True)),
    ChatRequest(model="m", messages=TALK[:1], output_format=OutputFormat("json_schema", SCHEMA)),
    ChatRequest(model="m", messages=TALK[:1], tools=TOOLS, tool_choice=ToolChoice("tool", "f", parallel=False)),
]


@pytest.mark.needs("specs")
@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("stream", [True, False])
def test_bodies_are_as_published(request_: ChatRequest, *, stream: bool) -> None:
    with gzip.open(SHARED / "specs" / "openai.openapi.json.gz") as file:
        spec = json.load(file)
    schema = {"$ref": "#/components/schemas/CreateChatCompletionRequest", "components": spec["components"]}
    validate(body_of(request_, stream=stream), schema, cls=Draft202012Validator)


def recorded() -> Iterator[dict[str, Any]]:
    with gzip.open(SHARED / "recorded" / "openai.jsonl.gz", "rt") as file:
        yield from (it for line in file if (it := json.loads(line))["path"] == "/v1/chat/completions")


@pytest.mark.needs("recordings")
def test_every_recorded_answer_is_understood() -> None:
    count = 0
    for exchange in recorded():
        body = exchange["response"].get("json")
        if exchange["status"] == 200 and body is not None:
            count += 1
            answer, message = read_answer(json.dumps(body).encode()), body["choices"][0]["message"]
            assert answer.text == (message.get("content") or message.get("refusal") or "")
            uses = [part for part in answer.parts if isinstance(part, ToolUse)]
            calls = [(call["id"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
            assert [(use.id, use.arguments) for use in uses] == calls
            assert_counted(answer.tokens, body["usage"])
        elif exchange["status"] != 200 and body is not None:
            refused = refusal(exchange["status"], json.dumps(body).encode())
            assert body["error"]["message"] in refused.message
    assert count > 50


@pytest.mark.needs("recordings")
def test_every_recorded_stream_is_understood() -> None:
    count = 0
    for exchange in recorded():
        if "text" not in exchange["response"]:
            continue
        count += 1
        payloads = [event.data for event in SseDecoder().feed(exchange["response"]["text"].encode())]
        chunks = [json.loads(payload) for payload in payloads if payload != b"[DONE]"]
        reader = ChunkReader()
        pieces = [piece for payload in payloads if payload != b"[DONE]" for piece in reader.read(payload)]
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        text = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
        assert text == "".join(delta.get("content") or "" for delta in deltas)
        end = reader.end()
        assert isinstance(end, StreamEnd)
        usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
        assert_counted(end.tokens, usages[-1] if usages else None)
    assert count > 10


def assert_counted(tokens: Any, usage: dict[str, Any] | None) -> None:
    if usage is None:
        assert tokens is None
    else:
        assert tokens.input + tokens.cache_read + tokens.cache_write == usage["prompt_tokens"]
        assert tokens.output == usage["completion_tokens"]
        details: dict[str, Any] = usage.get("prompt_tokens_details") or {}
        assert tokens.cache_read == (details.get("cached_tokens") or 0)
        assert tokens.cache_write == (details.get("cache_write_tokens") or 0)
