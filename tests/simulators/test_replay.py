"""Recorded exchanges served again, without the recordings beside the clone."""

import base64
import gzip
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from packhouse.simulators import Credentials, Fault, ReplayUnreadable, load_replay, simulator
from packhouse.simulators.bedrock import frames

pytestmark = pytest.mark.anyio

SSE = 'event: a\ndata: {"text":"é"}\n\ndata: [DONE]\n\n'
FRAMES = b"".join(frames.event("messageStart", b'{"n":%d}' % number) for number in range(3))


def line(number: int, request: Any, response: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    return {
        "id": f"case#{number}",
        "method": "POST",
        "path": "/v1/chat/completions",
        "request": request,
        "status": 200,
        "headers": {"content-type": kind, "x-own": str(number)},
        "response": response,
    }


LINES = [
    line(0, {"a": 1, "b": None}, {"json": {"value": 0.1}}),
    line(1, {"a": 1}, {"json": {"value": 2}}),
    line(2, {"a": 2}, {"text": SSE}, "text/event-stream; charset=utf-8"),
    line(3, {"a": 3}, {"base64": base64.b64encode(FRAMES).decode()}, "application/vnd.amazon.eventstream"),
]


@pytest.mark.parametrize("packed", [True, False])
async def test_what_fits_is_served_and_the_rest_is_simulated(tmp_path: Path, *, packed: bool) -> None:
    data = b"".join(msgspec.json.encode(it) + b"\n" for it in LINES)
    file = tmp_path / "recorded"
    file.write_bytes(gzip.compress(data) if packed else data)
    async with (
        simulator("openai", replay=load_replay(file), credentials=Credentials(any_key=True)) as sim,
        httpx.AsyncClient(base_url=sim.url) as http,
    ):

        async def post(body: Any, **headers: str) -> httpx.Response:
            return await http.post("/v1/chat/completions", json=body, headers=headers)

        values = [(await post({"b": None, "a": 1})).json()["value"] for _ in range(3)]
        assert values == [0.1, 2, 2]
        named = await post({}, **{"x-simulator-recorded": "case#0"})
        assert (named.json(), named.headers["x-own"]) == ({"value": 0.1}, "0")
        assert (await http.post("/_simulator/replay", json={"ids": ["case#2", "case#1"]})).status_code == 200
        assert [(await post({})).headers["x-own"] for _ in range(2)] == ["2", "1"]
        unknown = await http.post("/_simulator/replay", json={"ids": ["case#9"]})
        assert (unknown.status_code, unknown.json()) == (400, {"error": "no such exchange: case#9"})
        assert (await post({"a": 2})).text == SSE
        assert (await post({"a": 3})).content == FRAMES
        simulated = await post({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
        assert simulated.json()["choices"][0]["message"]["content"] == "Hi"
        sim.fail(Fault(kind="close", after_pieces=1, times=1))
        got = bytearray()
        with pytest.raises(httpx.RemoteProtocolError):
            await _collect(http, {"a": 3}, got)
        assert bytes(got) == FRAMES[: len(FRAMES) // 3]


async def _collect(http: httpx.AsyncClient, body: Any, got: bytearray) -> None:
    async with http.stream("POST", "/v1/chat/completions", json=body) as reply:
        async for data in reply.aiter_bytes():
            got += data


@pytest.mark.parametrize("data", [b"{", b'{"id": "a"}\n', b"\x1f\x8bnot gzipped"])
def test_a_recording_that_is_none(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "recorded"
    file.write_bytes(data)
    with pytest.raises(ReplayUnreadable):
        load_replay(file)
    with pytest.raises(ReplayUnreadable):
        load_replay(tmp_path / "nowhere")
