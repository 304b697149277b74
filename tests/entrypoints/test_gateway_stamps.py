"""The headers of answers: what served them, what is left, what they cost in time here."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from packhouse.entrypoints.gateway.stamps import HEADERS
from tests.support.gateway import Gateway, gateway
from tests.support.upstream import upstream

pytestmark = pytest.mark.anyio

BODY: Any = {"model": "default", "messages": [{"role": "user", "content": "Hello there"}], "max_tokens": 100}


@pytest.fixture
def up() -> Generator[tuple[str, list[dict[str, Any]]]]:
    with upstream() as server:
        yield server


@pytest.fixture
async def gate(tmp_path: Path, up: tuple[str, list[dict[str, Any]]]) -> AsyncGenerator[Gateway]:
    async with gateway(tmp_path, up[0]) as running:
        yield running


async def post(gate: Gateway, path: str, body: Any, *, key: str = "text") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(
            f"{gate.base_url}{path}", json=body, headers={"authorization": f"Bearer {gate.keys[key]}"}, timeout=30
        )


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_says_who_gave_it_and_what_is_left(gate: Gateway, stream: bool) -> None:
    answer = await post(gate, "/chat/completions", {**BODY, "stream": stream})
    assert answer.status_code == 200
    headers = {name: value for name, value in answer.headers.items() if name.startswith("x-packhouse-")}
    assert headers.keys() <= HEADERS.keys()
    assert headers["x-packhouse-model"] == "upstream-openai"
    assert headers["x-packhouse-region"] == "eu-central-1"
    left = dict(part.split("=") for part in headers["x-packhouse-quota-left"].split(", "))
    if stream:  # while a stream runs its worst case is held; one that is read at once may be settled by then
        assert int(left["input"]) < 100_000
        assert left["output"] in {"49900", str(50_000 - 3)}
    else:
        assert left == {"input": str(100_000 - 9), "output": str(50_000 - 3)}
    assert headers["x-packhouse-quota-refill"].endswith("Z")
    assert 0 < float(headers["x-packhouse-overhead-ms"]) < 1000
    assert "x-packhouse-life-cycle" not in headers


async def test_a_cap_that_was_lowered_is_named(gate: Gateway) -> None:
    asked = await post(gate, "/chat/completions", {**BODY, "max_tokens": 60_000})
    assert asked.headers["x-packhouse-output-cap"] == "50000"
    assert "x-packhouse-output-cap" not in (await post(gate, "/chat/completions", BODY)).headers


async def test_what_is_left_goes_down_call_by_call(gate: Gateway) -> None:
    lefts = [(await post(gate, "/chat/completions", BODY)).headers["x-packhouse-quota-left"] for _ in range(3)]
    assert [left.split(", ")[0] for left in lefts] == ["input=99991", "input=99982", "input=99973"]


async def test_what_spends_nothing_has_no_such_header(gate: Gateway) -> None:
    async with httpx.AsyncClient() as client:
        models = await client.get(f"{gate.base_url}/models", headers={"authorization": f"Bearer {gate.keys['text']}"})
    assert models.status_code == 200
    assert not any(name.startswith("x-packhouse-") for name in models.headers)
