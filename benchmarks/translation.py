"""What translation costs: microseconds of CPU for a small plain call, without network.

`benchmarks/translation.py [--seconds S]`. A road is all that is done to a call between its two dialects: the request
read in front, the body for the provider, its answer read, and the answer written in front. Then Bedrock's signature,
and a frame of its stream. The median of several rounds.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from tools import machine

from packhouse.adapters.models.anthropic import answer as anthropic_answer
from packhouse.adapters.models.anthropic.request import messages_body
from packhouse.adapters.models.bedrock import answer as bedrock_answer
from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder
from packhouse.adapters.models.bedrock.request import converse_body
from packhouse.adapters.models.bedrock.signature import Signer, StaticKeys, signed_target
from packhouse.adapters.models.bedrock.stream import StreamReader
from packhouse.adapters.models.openai_compatible import answer as openai_answer
from packhouse.adapters.models.openai_compatible.request import chat_body
from packhouse.adapters.models.openai_compatible.ways import Ways
from packhouse.domain.chat import ChatAnswer, ChatRequest
from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic import write as anthropic_write
from packhouse.entrypoints.gateway.anthropic.read import read_messages
from packhouse.entrypoints.gateway.openai import write as openai_write
from packhouse.entrypoints.gateway.openai.read import read_chat
from packhouse.simulators.bedrock import frames

ROUNDS = 9
GOAL_MICROSECONDS = 150
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
SYSTEM, QUESTION = "You are a helpful assistant.", "What is the capital of France?"
SAID = "The capital of France is Paris."

Read = Callable[[bytes], ChatRequest]
Ask = Callable[[ChatRequest], bytes]
Understand = Callable[[bytes], ChatAnswer]
Write = Callable[[ChatAnswer], bytes]


@dataclass(frozen=True, slots=True)
class Front:
    """A dialect in front, with a small call in it."""

    name: str
    body: bytes
    read: Read
    write: Write


@dataclass(frozen=True, slots=True)
class Behind:
    """A provider behind, with what it answers to a small call."""

    name: str
    ask: Ask
    answer: bytes
    understand: Understand


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each round (default 0.2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file too")
    arguments = parser.parse_args()
    print(machine())
    figures = dict[str, float]()
    for name, call in (roads() | pieces()).items():
        figures[name] = round(microseconds(call, arguments.seconds), 1)
        over = figures[name] >= GOAL_MICROSECONDS
        verdict = f"  goal: under {GOAL_MICROSECONDS}  {'MISSED' if over else 'met'}" if "→" in name else ""
        print(f"{name:32} {figures[name]:8.1f} µs{verdict}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


def roads() -> dict[str, Callable[[], object]]:
    return {
        f"{front.name} → {behind.name}": partial(_whole_road, front, behind)
        for front in _fronts()
        for behind in _behind()
    }


def pieces() -> dict[str, Callable[[], object]]:
    """What the roads are made of, and what comes on top at Bedrock."""
    parts: dict[str, Callable[[], object]] = {}
    for front in _fronts():
        answer = _behind()[0].understand(_behind()[0].answer)
        parts[f"{front.name} in front, request"] = partial(front.read, front.body)
        parts[f"{front.name} in front, answer"] = partial(front.write, answer)
    request = _fronts()[0].read(_fronts()[0].body)
    for behind in _behind():
        parts[f"{behind.name} behind, request"] = partial(behind.ask, request)
        parts[f"{behind.name} behind, answer"] = partial(behind.understand, behind.answer)
    return parts | {"bedrock signature": _signing(), "bedrock frame of a stream": _framing()}


def microseconds(call: Callable[[], object], seconds: float) -> float:
    """The median over the rounds, of this process's CPU time for one call."""
    return statistics.median(_round(call, seconds) for _ in range(ROUNDS))


def _round(call: Callable[[], object], seconds: float) -> float:
    calls, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for _ in range(100):
            call()
        calls += 100
    return spent / calls * 1e6


def _whole_road(front: Front, behind: Behind) -> bytes:
    asked = behind.ask(front.read(front.body))
    assert asked
    return front.write(behind.understand(behind.answer))


def _fronts() -> tuple[Front, ...]:
    user = {"role": "user", "content": QUESTION}
    shared = {"model": MODEL, "max_tokens": 256, "temperature": 0.5}
    openai = shared | {"messages": [{"role": "system", "content": SYSTEM}, user]}
    anthropic = shared | {"system": SYSTEM, "messages": [user]}

    def completion(answer: ChatAnswer) -> bytes:
        heading = openai_write.Heading("chatcmpl_1", 1_800_000_000, MODEL)
        return openai_write.completion(heading, answer, tokens=answer.tokens or ModelTokens())

    def message(answer: ChatAnswer) -> bytes:
        return anthropic_write.message(
            anthropic_write.Heading("msg_1", MODEL), answer, tokens=answer.tokens or ModelTokens()
        )

    return (
        Front("openai", msgspec.json.encode(openai), read_chat, completion),
        Front("anthropic", msgspec.json.encode(anthropic), read_messages, message),
    )


def _behind() -> tuple[Behind, ...]:
    return (
        Behind("bedrock", converse_body, msgspec.json.encode(_CONVERSED), bedrock_answer.read_answer),
        Behind(
            "anthropic",
            partial(messages_body, stream=False),
            msgspec.json.encode(_MESSAGE),
            anthropic_answer.read_answer,
        ),
        Behind(
            "openai",
            partial(chat_body, stream=False, ways=Ways()),
            msgspec.json.encode(_COMPLETION),
            openai_answer.read_answer,
        ),
    )


def _signing() -> Callable[[], object]:
    target = signed_target("POST", _URL, headers={"content-type": "application/json"})
    signer, body = Signer("eu-central-1", "bedrock"), converse_body(_fronts()[0].read(_fronts()[0].body))
    keys = StaticKeys("AKIAEXAMPLE", "secret", "a-session-token" * 40)
    return lambda: signer.headers(target, keys, body_hash=sha256(body).hexdigest(), at_seconds=1_800_000_000)


def _framing() -> Callable[[], object]:
    decoder, reader = EventStreamDecoder(), StreamReader()
    return lambda: [reader.read(frame) for frame in decoder.feed(_DELTA)]


_CONVERSED: dict[str, Any] = {
    "metrics": {"latencyMs": 844},
    "output": {"message": {"content": [{"text": SAID}], "role": "assistant"}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 24, "outputTokens": 9, "totalTokens": 33, "serverToolUsage": {}},
}
_MESSAGE: dict[str, Any] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": SAID}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 24,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 9,
        "service_tier": "standard",
    },
}
_COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_800_000_000,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 24, "completion_tokens": 9, "total_tokens": 33},
}
_DELTA = frames.event(
    "contentBlockDelta",
    msgspec.json.encode({"contentBlockIndex": 0, "delta": {"text": " Paris"}, "p": "abcdefghijklmnopqrstuvwxyz"}),
)
_URL = (
    "https://bedrock-runtime.eu-central-1.amazonaws.com/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
)

if __name__ == "__main__":
    main()
