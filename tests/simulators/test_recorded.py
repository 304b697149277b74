"""The simulators against real recorded exchanges: they take what was taken, and say nothing that was never said."""

import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from packhouse.simulators import Credentials, Provider, load_replay, simulator
from tests.support.needs import SHARED

pytestmark = [pytest.mark.anyio, pytest.mark.needs("recordings")]

FILES: dict[Provider, str] = {
    "bedrock": "bedrock-runtime",
    "anthropic": "anthropic",
    "cohere": "cohere",
    "openai": "openai",
}
VERBS = (
    "converse",
    "converse-stream",
    "count-tokens",
    "messages",
    "count_tokens",
    "embed",
    "completions",
    "embeddings",
)
HEADERS = {"anthropic-version": "2023-06-01"}
NOT_KNOWN = ("inputText", "taskType")
"""Bodies of other vendors' embeddings models, which the simulator does not invoke."""

ONLY_HERE = {("serverToolUsage",), ("p",)}


def recorded(provider: Provider) -> Iterator[dict[str, Any]]:
    with gzip.open(SHARED / "recorded" / f"{FILES[provider]}.jsonl.gz", "rb") as file:
        for line in file:
            exchange = msgspec.json.decode(line)
            verb = exchange["path"].rsplit("/", 1)[1]
            known = not any(name in (exchange["request"] or {}) for name in NOT_KNOWN)
            if (verb in VERBS or verb == "invoke") and known:
                yield exchange


def paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every way through objects to a key; lists do not count, nor what is below a tool's arguments."""
    if isinstance(value, dict) and above[-1:] != ("input",):
        for key, inner in value.items():
            yield (*above, key)
            yield from paths(inner, (*above, key))
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, above)


@pytest.mark.parametrize("provider", FILES)
async def test_what_was_taken_is_taken(provider: Provider) -> None:
    async with (
        simulator(provider, credentials=Credentials(any_key=True)) as sim,
        httpx.AsyncClient(base_url=sim.url, headers=HEADERS) as http,
    ):
        refused = []
        for exchange in recorded(provider):
            reply = await http.post(exchange["path"], json=exchange["request"])
            if reply.status_code != 200 and exchange["status"] == 200:
                refused.append((exchange["id"], reply.text))
        assert refused == []
        assert sim.seen.count > 10 or provider == "cohere"


@pytest.mark.parametrize("provider", FILES)
async def test_answers_have_no_key_that_the_provider_does_not_use(provider: Provider) -> None:
    async with (
        simulator(provider, credentials=Credentials(any_key=True)) as sim,
        httpx.AsyncClient(base_url=sim.url, headers=HEADERS) as http,
    ):
        theirs: set[tuple[str, ...]] = set()
        ours: set[tuple[str, ...]] = set()
        for exchange in recorded(provider):
            if "json" in exchange["response"]:
                reply = await http.post(exchange["path"], json=exchange["request"])
                theirs |= set(paths(exchange["response"]["json"]))
                ours |= set(paths(reply.json())) if reply.status_code == exchange["status"] else set()
    assert ours - theirs == set()
    assert len(ours) >= 4


@pytest.mark.parametrize("provider", FILES)
async def test_a_replay_serves_what_was_recorded(provider: Provider) -> None:
    replay = load_replay(SHARED / "recorded" / f"{FILES[provider]}.jsonl.gz")
    async with (
        simulator(provider, replay=replay, credentials=Credentials(any_key=True)) as sim,
        httpx.AsyncClient(base_url=sim.url, headers=HEADERS) as http,
    ):
        for exchange in recorded(provider):
            named = {"x-simulator-recorded": exchange["id"].encode()}
            reply = await http.post(exchange["path"], json={}, headers=named)
            assert reply.status_code == exchange["status"]
            assert reply.headers["content-type"] == exchange["headers"]["content-type"]
            if "json" in exchange["response"]:
                assert reply.json() == exchange["response"]["json"]
            elif "text" in exchange["response"]:
                assert reply.text == exchange["response"]["text"]
            again = await http.post(exchange["path"], json=exchange["request"])
            assert again.status_code == exchange["status"]
