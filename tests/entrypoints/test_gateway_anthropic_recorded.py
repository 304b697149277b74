"""Every recorded exchange with Anthropic once more, through a gateway: what was answered arrives byte by byte."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from packhouse.domain.units import ModelTokens
from packhouse.entrypoints.gateway.anthropic.body import RelayBody, decode_envelope
from packhouse.services.chat import Reported
from packhouse.simulators import load_replay
from tests.support.anthropic_gateway import behind
from tests.support.anthropic_recordings import FILE, Json, recorded, usage_of

pytestmark = [pytest.mark.anyio, pytest.mark.needs("recordings")]

VOLATILE = {"model", "max_tokens"}
"""What the gateway decides of a body."""


def all_recorded() -> Iterator[Json]:
    yield from recorded("/v1/messages")
    yield from recorded("/v1/messages", streamed=True)


def body_of(exchange: Json) -> RelayBody:
    body = json.dumps(exchange["request"]).encode()
    return RelayBody(body, decode_envelope(body), headers={})


def tokens_of(exchange: Json) -> ModelTokens:
    usage = usage_of(exchange)
    return ModelTokens(
        usage["input_tokens"],
        usage["output_tokens"],
        usage["cache_read_input_tokens"] or 0,
        usage["cache_creation_input_tokens"] or 0,
    )


def payloads_of(text: str) -> list[bytes]:
    return [line.removeprefix("data: ").encode() for line in text.split("\n") if line.startswith("data: ")]


def test_what_a_provider_reported_is_read_on_its_way() -> None:
    for exchange in recorded("/v1/messages"):
        told = body_of(exchange).reported(json.dumps(exchange["response"]["json"]).encode(), None)
        assert told == Reported(tokens_of(exchange), final=True), exchange["id"]
    for exchange in recorded("/v1/messages", streamed=True):
        body, told = body_of(exchange), list[Reported]()
        for payload in payloads_of(exchange["response"]["text"]):
            if reported := body.reported(payload, told[-1].tokens if told else None):
                told.append(reported)
        assert [each.final for each in told] == [False, True]
        assert told[-1].tokens == tokens_of(exchange), exchange["id"]


def test_the_output_of_a_stream_is_counted_at_no_less_than_its_tokens() -> None:
    """What is booked where a stream is cut before it says what it cost."""
    for exchange in recorded("/v1/messages", streamed=True):
        body = body_of(exchange)
        counted = sum(body.likely_output_of(payload) for payload in payloads_of(exchange["response"]["text"]))
        assert counted >= tokens_of(exchange).output, exchange["id"]


def test_a_patched_body_differs_where_it_must() -> None:
    for exchange in all_recorded():
        asked = exchange["request"]
        patched = json.loads(body_of(exchange).patched(model="its-own", output_tokens=17))
        assert (patched["model"], patched["max_tokens"]) == ("its-own", 17)
        assert {name: value for name, value in patched.items() if name not in VOLATILE} == {
            name: value for name, value in asked.items() if name not in VOLATILE
        }


def test_what_is_the_gateways_own_does_not_leave() -> None:
    body = b'{"messages":[{}],"max_tokens":9,"packhouse":{"knowledge":[]},"x":1.0}'
    patched = RelayBody(body, decode_envelope(body), headers={}).patched(model="m", output_tokens=9)
    assert msgspec.json.decode(patched) == {"messages": [{}], "max_tokens": 9, "model": "m", "x": 1.0}


async def test_every_recorded_answer_arrives_as_it_came_and_is_booked(tmp_path: Path) -> None:
    exchanges = list(all_recorded())
    replay = load_replay(FILE)
    replay.next(*(exchange["id"] for exchange in exchanges))
    async with behind(tmp_path, "anthropic", replay=replay, limits={"input": 10**10, "output": 10**9}) as to:
        for exchange in exchanges:
            asked = {**exchange["request"], "model": "default"}
            answer = await to.http.post("/v1/messages", json=asked)
            assert answer.status_code == 200, (exchange["id"], answer.text)
            response = exchange["response"]
            if "text" in response:
                assert payloads_of(answer.text) == payloads_of(response["text"]), exchange["id"]
                names = [line.removeprefix("event: ") for line in answer.text.split("\n") if line.startswith("event: ")]
                assert names == [json.loads(payload)["type"] for payload in payloads_of(response["text"])]
            else:
                assert answer.content == json.dumps(response["json"], ensure_ascii=False).encode(), exchange["id"]
            sent = to.asked
            assert sent["model"] == "claude-sonnet-4-6"
            assert sent["max_tokens"] == asked["max_tokens"]
            assert {name: value for name, value in sent.items() if name not in VOLATILE} == {
                name: value for name, value in asked.items() if name not in VOLATILE
            }
        expected = [tokens_of(exchange) for exchange in exchanges]
        assert await to.booked() == [
            (each.input, each.output, each.cache_read, each.cache_write, "reported", "ok") for each in expected
        ]
        assert to.gate.held() == 0
