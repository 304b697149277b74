"""The recorded exchanges with Anthropic, and what they say counted without any reader of ours."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

from tests.support.needs import SHARED

Json = dict[str, Any]
FILE = SHARED / "recorded" / "anthropic.jsonl.gz"


def recorded(path: str, status: int = 200, *, streamed: bool = False) -> Iterator[Json]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)
            if (
                exchange["path"] == path
                and exchange["status"] == status
                and ("text" in exchange["response"]) is streamed
            ):
                yield exchange


def body_of(exchange: Json) -> Json:
    return exchange["response"]["json"]


def without_the_rest(block: Json) -> Json:
    """Without what says nothing: no citations, and a call that the model made by itself."""
    kept = dict(block)
    if kept["type"] == "text" and not kept.get("citations"):
        kept.pop("citations", None)
    if kept["type"] == "tool_use" and kept.get("caller") == {"type": "direct"}:
        del kept["caller"]
    return kept


def input_of(exchange: Json) -> int:
    """All input tokens that the answer reports: new, read from a cache and written to one."""
    usage = usage_of(exchange)
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(usage.get(name) or 0 for name in names)


def usage_of(exchange: Json) -> Json:
    response = exchange["response"]
    return (whole_of(events_of(response["text"])) if "text" in response else response["json"])["usage"]


def events_of(text: str) -> list[Json]:
    lines = (line.removeprefix("data:") for line in text.split("\n") if line.startswith("data:"))
    return [json.loads(line) for line in lines]


def whole_of(events: list[Json]) -> Json:
    """The message that the events are of, put together without our reader."""
    body: Json = {"content": [], "usage": {}}
    inputs = list[str]()
    for event in events:
        match event:
            case {"type": "message_start", "message": message}:
                body["usage"] = dict(message["usage"])
            case {"type": "content_block_start", "content_block": block}:
                body["content"].append(dict(block))
                inputs.append("")
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                grow(body["content"][index], delta)
                inputs[index] += delta.get("partial_json", "")
            case {"type": "message_delta", "delta": delta, "usage": usage}:
                body |= delta
                body["usage"] |= usage
            case _:
                pass
    for block, given in zip(body["content"], inputs, strict=True):
        if given:
            block["input"] = json.loads(given)
    return body


def grow(block: Json, delta: Json) -> None:
    for name in ("text", "thinking", "signature"):
        if name in delta:
            block[name] = block.get(name, "") + delta[name]
    if "citation" in delta:
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def without_defaults(asked: Json) -> Json:
    """The same said in one way: texts as blocks, neighbours of a role as one turn, nothing that is so anyway."""
    body = {name: value for name, value in asked.items() if value not in (None, False, [])}
    if isinstance(body.get("system"), str):
        body["system"] = [{"type": "text", "text": body["system"]}]
    if "tools" not in body or body.get("tool_choice") == {"type": "auto"}:
        body.pop("tool_choice", None)
    if "tools" in body:
        body["tools"] = [without_empty(tool) for tool in body["tools"]]
    turns = list[Json]()
    for message in asked["messages"]:
        content = [block_without_defaults(block) for block in as_blocks(message["content"])]
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += content
        else:
            turns.append({"role": message["role"], "content": content})
    return body | {"messages": turns}


def without_empty(tool: Json) -> Json:
    kept = {name: value for name, value in tool.items() if (name, value) != ("description", "")}
    own = kept.get("type") == "custom" and not kept.get("defer_loading")
    return {name: value for name, value in kept.items() if not (own and name == "type")}


def block_without_defaults(block: Json) -> Json:
    kept = {name: value for name, value in block.items() if (name, value) != ("is_error", False)}
    if kept["type"] == "tool_result":
        kept["content"] = as_blocks(kept["content"])
    return kept


def as_blocks(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
