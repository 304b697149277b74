"""Every recorded exchange with Bedrock: read without loss, and asked for again word by word."""

import base64
import gzip
import json
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.eventstream import EventStreamBuffer

from packhouse.adapters.models.bedrock.answer import read_answer, read_count
from packhouse.adapters.models.bedrock.embed import embed_body, is_cohere_embed, read_vectors
from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder
from packhouse.adapters.models.bedrock.refusals import refusal
from packhouse.adapters.models.bedrock.request import converse_body, count_body
from packhouse.adapters.models.bedrock.stream import StreamReader
from packhouse.domain.chat import (
    ChatPiece,
    ForeignPiece,
    PartEnd,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Foreign, Text, Thinking, ToolUse
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.units import ModelTokens
from tests.support.converse import chat_request, faults_of
from tests.support.needs import SHARED

pytestmark = pytest.mark.needs("recordings")

Json = dict[str, Any]
FILE = SHARED / "recorded" / "bedrock-runtime.jsonl.gz"


def recorded(operation: str, *statuses: int) -> Iterator[Json]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)
            if exchange["path"].endswith(f"/{operation}") and exchange["status"] in (statuses or (200,)):
                exchange["model"] = unquote(exchange["path"].split("/", 3)[2])
                yield exchange


def body_of(exchange: Json) -> Json:
    response = exchange["response"]
    return response["json"] if "json" in response else json.loads(response["text"])


def test_every_answer_is_read_without_loss() -> None:
    seen = Counter[str]()
    for exchange in recorded("converse"):
        body = body_of(exchange)
        answer = read_answer(json.dumps(body).encode())
        content = body["output"]["message"]["content"]
        assert answer.tokens == tokens_of(body["usage"])
        assert answer.text == "".join(block.get("text", "") for block in content)
        assert len(answer.parts) == len(content)
        for part, block in zip(answer.parts, content, strict=True):
            (kind,) = block
            seen[type(part).__name__] += 1
            match part:
                case Text(text):
                    assert block == {"text": text}
                case ToolUse(use_id, name, arguments):
                    use = {key: value for key, value in block["toolUse"].items() if key != "type"}
                    assert use == {"toolUseId": use_id, "name": name, "input": json.loads(arguments)}
                case Thinking(text, signature, ""):
                    thought = block["reasoningContent"]["reasoningText"]
                    assert thought == {"text": text} | ({"signature": signature} if signature else {})
                case Foreign("bedrock", named, raw):
                    assert (named, json.loads(bytes(raw))) == (kind, block)
                case _:
                    pytest.fail(f"{exchange['id']}: {part!r}")
        wanted = {"end_turn": "end", "tool_use": "tool_use"}[body["stopReason"]]
        assert answer.stop_reason == wanted
    assert seen == {"Text": 84, "ToolUse": 58, "Thinking": 9, "Foreign": 4}


def test_every_stream_is_read_without_loss() -> None:
    seen = Counter[str]()
    for exchange in recorded("converse-stream"):
        data = base64.b64decode(exchange["response"]["base64"])
        pieces = read_stream(data)
        seen.update(type(piece).__name__ for piece in pieces)
        wanted = told_by_botocore(data)
        end = pieces[-1]
        assert isinstance(end, StreamEnd)
        assert end.tokens == tokens_of(wanted["usage"])
        assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == wanted["text"]
        thoughts = [piece for piece in pieces if isinstance(piece, ThinkingDelta)]
        assert "".join(piece.text for piece in thoughts) == wanted["thought"]
        assert "".join(piece.signature for piece in thoughts) == wanted["signature"]
        assert [(piece.id, piece.name) for piece in pieces if isinstance(piece, ToolUseStart)] == wanted["uses"]
        assert "".join(piece.arguments for piece in pieces if isinstance(piece, ToolUseDelta)) == wanted["arguments"]
        assert sum(isinstance(piece, PartEnd) for piece in pieces) == wanted["stops"]
        assert not any(isinstance(piece, ForeignPiece) for piece in pieces)
    assert seen["StreamEnd"] == 5
    assert seen["ToolUseStart"] == 1


def test_every_request_can_be_asked_for_again() -> None:
    compared = 0
    for operation, named in (("converse", "Converse"), ("converse-stream", "ConverseStream")):
        for exchange in recorded(operation, 200, 400):
            body = exchange["request"]
            written = converse_body(chat_request(exchange["model"], body))
            assert without_defaults(json.loads(written)) == without_defaults(body), exchange["id"]
            compared += 1
            assert faults_of(named, written) == faults_of(named, json.dumps(body).encode()), exchange["id"]
    assert compared == 137


def test_every_refusal_is_read() -> None:
    codes = Counter[str]()
    for operation in ("converse", "converse-stream", "count-tokens"):
        for exchange in recorded(operation, 400):
            body = body_of(exchange)
            refused = refusal(400, json.dumps(body).encode())
            assert body["message"] in refused.message
            codes[refused.code] += 1
    assert codes == {"provider_refused": 9}


def test_every_count_is_read_and_asked_for_again() -> None:
    counts = list[int]()
    for exchange in recorded("count-tokens"):
        counts.append(read_count(json.dumps(body_of(exchange)).encode()))
        if (asked := exchange["request"]["input"].get("converse")) is not None:
            written = json.loads(count_body(chat_request(exchange["model"], asked)))
            assert without_defaults(written["input"]["converse"]) == without_defaults(asked)
    assert sorted(counts) == [11, 11, 18, 23]


def test_every_vector_of_cohere_is_read_and_asked_for_again() -> None:
    compared = 0
    for exchange in recorded("invoke"):
        if not is_cohere_embed(exchange["model"]):
            continue
        asked, body = exchange["request"], body_of(exchange)
        request = EmbedRequest(
            model=exchange["model"],
            inputs=tuple(asked["texts"]),
            input_type=asked["input_type"],
            dimensions=asked.get("output_dimension"),
            truncate=asked.get("truncate", "").lower(),
            input_tokens_max=asked.get("max_tokens"),
        )
        if "embed-v4" in exchange["model"]:
            assert json.loads(embed_body(request)) == asked | {"embedding_types": ["float"]}
        counted = int(exchange["headers"]["x-amzn-bedrock-input-token-count"])
        answer = read_vectors(json.dumps(body).encode(), request, tokens=ModelTokens(counted))
        rows = body["embeddings"]["float"] if isinstance(body["embeddings"], dict) else body["embeddings"]
        assert answer.vectors == tuple(struct.pack(f"<{len(row)}f", *row) for row in rows)
        assert (answer.dimensions, answer.tokens) == (len(rows[0]), ModelTokens(counted))
        compared += 1
    assert compared == 7


def read_stream(data: bytes) -> list[ChatPiece]:
    """The pieces, fed in cuts of 100 bytes."""
    decoder, reader = EventStreamDecoder(), StreamReader()
    pieces = [
        piece
        for start in range(0, len(data), 100)
        for frame in decoder.feed(data[start : start + 100])
        for piece in reader.read(frame)
    ]
    assert decoder.between_frames
    assert reader.complete
    return [*pieces, reader.end()]


def told_by_botocore(data: bytes) -> Json:
    """The same counted without our reader."""
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    told: Json = {"text": "", "thought": "", "signature": "", "uses": [], "arguments": "", "stops": 0}
    for event in buffer:
        payload = json.loads(event.payload)
        delta = payload.get("delta", {})
        told["text"] += delta.get("text", "")
        told["thought"] += delta.get("reasoningContent", {}).get("text", "")
        told["signature"] += delta.get("reasoningContent", {}).get("signature", "")
        told["arguments"] += delta.get("toolUse", {}).get("input", "")
        told["stops"] += event.headers[":event-type"] == "contentBlockStop"
        if use := payload.get("start", {}).get("toolUse"):
            told["uses"].append((use["toolUseId"], use["name"]))
        told["usage"] = payload.get("usage")
    return told


def tokens_of(usage: Json) -> ModelTokens:
    read, written = usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)
    assert usage["inputTokens"] + usage["outputTokens"] + read + written == usage["totalTokens"]
    return ModelTokens(usage["inputTokens"], usage["outputTokens"], read, written)


def without_defaults(body: Json) -> Json:
    """Without what is the same as nothing: empty objects and lists, what the service takes anyway."""
    kept = {name: value for name, value in body.items() if value not in ({}, [])}
    if "toolConfig" in kept:
        kept["toolConfig"] = {name: value for name, value in kept["toolConfig"].items() if value != {"auto": {}}}
    for message in kept["messages"]:
        for block in message["content"]:
            if "toolResult" in block and block["toolResult"].get("status") == "success":
                del block["toolResult"]["status"]
    return kept
