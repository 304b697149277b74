"""A large body is read only after its sender's key was looked at; a bad one is refused from the headers alone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from packhouse.adapters.outside.clock import SystemClock
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.server import GatewayServer
from tests.support.gateway import gateway
from tests.support.raw_http import RawClient, connected, until

pytestmark = pytest.mark.anyio

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\n"
LARGE = 100_000


class Doorkeeper:
    """Admits one key, and notes what it was asked and what came through."""

    def __init__(self) -> None:
        self.asked = list[int]()
        self.bodies = list[int]()
        self.open = asyncio.Event()
        self.open.set()

    async def admits(self, request: Request) -> bool:
        self.asked.append(len(request.body))
        await self.open.wait()
        if request.headers["authorization"] == "Bearer broken":
            raise RuntimeError
        return request.headers["authorization"] == "Bearer good"

    async def __call__(self, request: Request) -> Reply:
        self.bodies.append(len(request.body))
        return Reply(200 if request.headers["authorization"] == "Bearer good" else 401, b"{}")


@asynccontextmanager
async def kept() -> AsyncGenerator[tuple[Doorkeeper, RawClient]]:
    keeper = Doorkeeper()
    server = GatewayServer(keeper, clock=SystemClock())
    await server.start("127.0.0.1", 0)
    try:
        async with connected(server.port) as client:
            yield keeper, client
    finally:
        await server.drain(1)


async def test_a_large_body_of_a_stranger_is_refused_before_it_is_sent() -> None:
    async with kept() as (keeper, client):
        client.send(HEAD % b"bad" + b"content-length: %d\r\n\r\n" % LARGE)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        client.send(b"x" * LARGE)  # on its way already; it must not cost the client the answer
        assert await client.is_closed()
        assert (keeper.asked, keeper.bodies) == ([0], [0])


@pytest.mark.parametrize("key", [b"bad", b"broken"])
async def test_a_chunked_body_is_cut_off_where_it_becomes_large(key: bytes) -> None:
    async with kept() as (keeper, client):
        client.send(HEAD % key + b"transfer-encoding: chunked\r\n\r\n")
        client.send(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")
        client.send(b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n")
        assert (await client.answer()).status == 401
        assert (keeper.asked, keeper.bodies) == ([0], [0])


async def test_who_is_refused_is_not_told_to_go_on() -> None:
    async with kept() as (_, client):
        client.send(HEAD % b"bad" + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert (await client.answer()).status == 401


async def test_who_is_admitted_is_read_to_the_end_and_stays() -> None:
    async with kept() as (keeper, client):
        client.send(HEAD % b"good" + b"content-length: %d\r\n\r\n" % LARGE)
        client.send(b"x" * LARGE)
        assert (await client.answer()).status == 200
        client.send(HEAD % b"good" + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"{}")
        assert (await client.answer()).status == 200
        client.send(HEAD % b"good" + b"content-length: 2\r\n\r\n{}")
        assert (await client.answer()).status == 200
        assert (keeper.asked, keeper.bodies) == ([0, 0], [LARGE, 2, 2])


async def test_nothing_more_is_read_while_the_door_is_asked() -> None:
    async with kept() as (keeper, client):
        keeper.open.clear()
        client.send(HEAD % b"good" + b"content-length: 30000000\r\n\r\n")
        await until(lambda: keeper.asked == [0])
        client.send(b"x" * 30_000_000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.flush(), 0.2)
        keeper.open.set()
        assert (await client.answer()).status == 200
        assert keeper.bodies == [30_000_000]


async def test_requests_behind_a_running_one_are_refused_in_their_turn() -> None:
    async with kept() as (keeper, client):
        client.send(HEAD % b"good" + b"content-length: 2\r\n\r\n{}" + HEAD % b"bad" + b"content-length: 90000\r\n\r\n")
        assert [(await client.answer()).status, (await client.answer()).status] == [200, 401]
        assert keeper.bodies == [2, 0]


async def test_who_leaves_while_the_door_is_asked_is_forgotten() -> None:
    keeper = Doorkeeper()
    keeper.open.clear()
    server = GatewayServer(keeper, clock=SystemClock())
    await server.start("127.0.0.1", 0)
    async with connected(server.port) as client:
        client.send(HEAD % b"good" + b"content-length: %d\r\n\r\n" % LARGE)
        await until(lambda: keeper.asked == [0])
        client.abort()
        keeper.open.set()
        await until(lambda: server.connections == 0)
    await server.drain(1)
    assert keeper.bodies == []


@pytest.mark.parametrize(
    ("key", "code"),
    [(b"", b"key_missing"), (b"ph_nonsense", b"key_malformed"), (b"unknown", b"key_unknown")],
)
async def test_the_gateway_refuses_from_the_headers_in_the_words_of_its_routes(
    tmp_path: Path, key: bytes, code: bytes
) -> None:
    async with gateway(tmp_path, "http://127.0.0.1:9/v1") as running:
        port = int(running.base_url.rpartition(":")[2].partition("/")[0])
        if key == b"unknown":
            key = running.keys["text"].encode()
            running.installation.sql("DELETE FROM api_key WHERE id = 'key_text'")
        for path in (b"/v1/chat/completions", b"/v1/knowledge/collections/default/documents"):
            async with connected(port) as client:
                head = (HEAD % key).replace(b"/v1/chat/completions", path)
                client.send(head + b"content-length: %d\r\n\r\n" % LARGE)
                answer = await client.answer()
                assert (answer.status, code in answer.body) == (401, True), answer
