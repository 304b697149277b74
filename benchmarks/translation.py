"""What translation costs: microseconds of CPU for a small plain call, without network, for each provider behind.

`benchmarks/translation.py [--seconds S]`: one line each for writing a request, reading an answer, signing, and a frame
of a stream; the median of several rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from hashlib import sha256

import msgspec

from packhouse.adapters.models.bedrock.answer import read_answer
from packhouse.adapters.models.bedrock.eventstream import EventStreamDecoder
from packhouse.adapters.models.bedrock.request import converse_body
from packhouse.adapters.models.bedrock.signature import Signer, StaticKeys, signed_target
from packhouse.adapters.models.bedrock.stream import StreamReader
from packhouse.domain.chat import ChatRequest, Message
from packhouse.domain.chat_part import Text
from packhouse.simulators.bedrock import frames

ROUNDS = 9
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
REQUEST = ChatRequest(
    model=MODEL,
    messages=(
        Message("system", (Text("You are a helpful assistant."),)),
        Message("user", (Text("What is the capital of France?"),)),
    ),
    output_tokens_max=256,
    temperature=0.5,
)
ANSWER = msgspec.json.encode(
    {
        "metrics": {"latencyMs": 844},
        "output": {"message": {"content": [{"text": "The capital of France is Paris."}], "role": "assistant"}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 24, "outputTokens": 9, "totalTokens": 33, "serverToolUsage": {}},
    }
)
DELTA = frames.event(
    "contentBlockDelta",
    msgspec.json.encode({"contentBlockIndex": 0, "delta": {"text": " Paris"}, "p": "abcdefghijklmnopqrstuvwxyz"}),
)
URL = "https://bedrock-runtime.eu-central-1.amazonaws.com/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
KEYS = StaticKeys("AKIAEXAMPLE", "secret", "a-session-token" * 40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each round")
    seconds = parser.parse_args().seconds
    for name, call in works().items():
        print(f"{name:32} {microseconds(call, seconds):8.1f} µs")


def works() -> dict[str, Callable[[], object]]:
    target = signed_target("POST", URL, headers={"content-type": "application/json"})
    signer, body = Signer("eu-central-1", "bedrock"), converse_body(REQUEST)
    decoder, reader = EventStreamDecoder(), StreamReader()

    def sign() -> object:
        return signer.headers(target, KEYS, body_hash=sha256(body).hexdigest(), at_seconds=1_800_000_000)

    return {
        "bedrock request": lambda: converse_body(REQUEST),
        "bedrock answer": lambda: read_answer(ANSWER),
        "bedrock request and answer": lambda: (converse_body(REQUEST), read_answer(ANSWER)),
        "bedrock signature": sign,
        "bedrock frame of a stream": lambda: [reader.read(frame) for frame in decoder.feed(DELTA)],
    }


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


if __name__ == "__main__":
    main()
