"""Streams in OpenAI's dialect: their chunks, and the message that a client puts together of them."""

import json
from collections.abc import Iterable
from typing import Any

from packhouse.domain.chat import ChatPiece, StreamEnd
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.openai.stream import ChunkWriter
from packhouse.entrypoints.gateway.openai.write import Heading

HEADING = Heading("chatcmpl-1", 1_700_000_000, "m")


def written(pieces: Iterable[ChatPiece], *, include_usage: bool = True) -> list[dict[str, Any]]:
    """The chunks that a stream of these pieces is written as. The last event must be the dialect's own."""
    writer = ChunkWriter(HEADING, include_usage=include_usage)
    tokens = ModelTokens()
    stream = writer.opening()
    for piece in pieces:
        stream += writer.piece(piece)
        if isinstance(piece, StreamEnd):
            tokens = piece.tokens or tokens
    return chunks_of(stream + writer.closing(tokens))


def chunks_of(stream: bytes) -> list[dict[str, Any]]:
    *events, done, rest = stream.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    assert all(event.startswith(b"data: ") for event in events)
    return [json.loads(event.removeprefix(b"data: ")) for event in events]


def gathered(chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The whole message: texts joined, lists put together, calls by their index; with `finish_reason` and `usage`."""
    whole: dict[str, Any] = {}
    for chunk in chunks:
        if chunk.get("usage"):
            whole["usage"] = chunk["usage"]
        for choice in chunk["choices"]:
            for name in ("finish_reason", "stop_reason"):
                if choice.get(name) is not None:
                    whole[name] = choice[name]
            _join(whole, choice["delta"])
    whole["tool_calls"] = [call for _, call in sorted(whole.pop("tool_calls", {}).items())]
    return whole


def _join(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        match value:
            case None:
                whole.setdefault(name, None)
            case str() if name in {"role", "stop_reason"}:
                whole[name] = value
            case str():
                whole[name] = (whole.get(name) or "") + value
            case list() if name == "tool_calls":
                for call in value:
                    _join_call(whole.setdefault(name, {}).setdefault(call["index"], {"function": {}}), call)
            case list():
                whole[name] = whole.get(name, [])
                for entry in value:
                    assert entry.get("index", len(whole[name])) == len(whole[name])
                    whole[name].append({key: each for key, each in entry.items() if key != "index"})
            case _:
                _join(whole.setdefault(name, {}), value)


def _join_call(whole: dict[str, Any], call: dict[str, Any]) -> None:
    for name in ("id", "type"):
        if call.get(name):
            whole[name] = call[name]
    for name, text in call.get("function", {}).items():
        whole["function"][name] = whole["function"].get(name, "") + (text or "")
