"""The gateway's server on the wire: requests in order, streams as they come, and an end for everything."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import structlog

from packhouse.adapters.outside.clock import SetClock
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Handler, Reply, Request
from packhouse.entrypoints.gateway.limits import Limits
from packhouse.entrypoints.gateway.server import GatewayServer
from tests.support.raw_http import connected, until

pytestmark = pytest.mark.anyio

CLOCK = SetClock(datetime(2026, 11, 24, 8, 5, 9, tzinfo=UTC))
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
Stream = Callable[[], AsyncGenerator[bytes, None]]


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


@asynccontextmanager
async def serving(handler: Handler, **limits: Any) -> AsyncGenerator[GatewayServer]:
    settled = {"tick_seconds": 0.02, "linger_seconds": 0.2} | limits
    server = GatewayServer(handler, clock=CLOCK, limits=msgspec.convert(settled, Limits))
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.drain(0.0)


async def echo(request: Request) -> Reply:
    seen = [request.method, request.path, request.query, request.headers, request.body.decode(), request.id]
    return Reply(200, msgspec.json.encode(seen))


def streaming(make: Stream) -> Handler:
    async def handler(_request: Request) -> Reply:
        return Reply(content_type=b"text/event-stream", stream=make())

    return handler


async def seen_by_handler(*data: bytes) -> list[Any]:
    async with serving(echo) as server, connected(server.port) as client:
        for piece in data:
            client.send(piece)
            await client.flush()
        return msgspec.json.decode((await client.answer()).body)


async def test_a_request_and_its_reply() -> None:
    async with serving(echo) as server, connected(server.port) as client:
        for query in ("a=%20b", ""):
            client.send(f"POST /v1/x%20y?{query} HTTP/1.1\r\nHost: h\r\n".encode())
            client.send(b"X-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\nhello")
            answer = await client.answer()
            method, path, got_query, headers, body, request_id = msgspec.json.decode(answer.body)
            assert (method, path, got_query, body) == ("POST", "/v1/x y", query, "hello")
            assert headers == {"host": "h", "x-a": "1, 2", "content-length": "5"}
            assert answer.headers == {
                "date": "Tue, 24 Nov 2026 08:05:09 GMT",
                "content-type": "application/json",
                "x-request-id": request_id,
                "content-length": str(len(answer.body)),
            }


@pytest.mark.parametrize("given", [b"a-Z_0.9", b"x" * 64])
async def test_a_sane_request_id_is_honoured(given: bytes) -> None:
    seen = await seen_by_handler(b"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: %b\r\n\r\n" % given)
    assert seen[5] == given.decode()


@pytest.mark.parametrize("given", [b"x" * 65, b"a b", b"a\xe4", b"", b'"'])
async def test_any_other_request_id_is_replaced(given: bytes) -> None:
    seen = await seen_by_handler(b"GET / HTTP/1.1\r\nhost: a\r\nx-request-id: %b\r\n\r\n" % given)
    assert seen[5].startswith("req_")


async def test_pipelined_requests_are_answered_in_order() -> None:
    running = 0

    async def handler(request: Request) -> Reply:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.03 if request.path == "/0" else 0)
        running -= 1
        return Reply(200, request.path.encode())

    async with serving(handler, pipelined_max=4) as server, connected(server.port) as client:
        for number in range(20):
            client.send(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number)
        assert [(await client.answer()).body for _ in range(20)] == [b"/%d" % n for n in range(20)]


async def test_chunks_and_trailers() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    seen = await seen_by_handler(head, b"3\r\nabc\r\n4;x=y\r\n", b"defg\r\n0\r\nHost: evil\r\nx-more: 1\r\n\r\n")
    assert seen[3:5] == [{"host": "a", "transfer-encoding": "chunked"}, "abcdefg"]


async def test_expect_is_answered_before_the_body() -> None:
    async with serving(echo) as server, connected(server.port) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"ok")
        assert msgspec.json.decode((await client.answer()).body)[4] == "ok"


async def test_head_has_the_headers_and_no_body() -> None:
    async def handler(request: Request) -> Reply:
        return await streaming(pieces)(request) if request.path == "/s" else Reply(200, b"12345")

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"never"

    async with serving(handler) as server, connected(server.port) as client:
        client.send(b"HEAD /s HTTP/1.1\r\nhost: a\r\n\r\nHEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
        assert (await client.answer(bodiless=True)).headers["transfer-encoding"] == "chunked"
        assert (await client.answer(bodiless=True)).headers["content-length"] == "5"
        assert (await client.answer()).body == b"12345"


async def test_an_offered_upgrade_is_passed_over_and_the_body_kept() -> None:
    head = b"POST /u?q HTTP/1.1\r\nhost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    async with serving(echo) as server, connected(server.port) as client:
        client.send(head + b"content-length: 6\r\n\r\nabc")
        await client.flush()
        client.send(b"def" + GET)
        seen = msgspec.json.decode((await client.answer()).body)
        assert (seen[:3], seen[4]) == (["POST", "/u", "q"], "abcdef")
        assert (await client.answer()).status == 200


async def test_old_clients() -> None:
    async with serving(echo) as server, connected(server.port) as client:
        client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert (await client.answer()).headers["connection"] == "keep-alive"
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.is_closed()


async def test_an_old_client_gets_a_stream_without_chunks() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"a"
        yield b"b"

    async with serving(streaming(pieces)) as server, connected(server.port) as client:
        client.send(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"ab", "close")


async def test_pieces_are_written_when_they_come() -> None:
    go = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"first"
        await go.wait()
        yield b""
        yield b"second"

    async with serving(streaming(pieces)) as server, connected(server.port) as client:
        client.send(GET)
        assert (await client.head())[1]["content-type"] == "text/event-stream"
        assert await client.chunk() == b"first"
        go.set()
        assert [await client.chunk(), await client.chunk()] == [b"second", b""]
        client.send(GET)
        assert (await client.answer()).body == b"firstsecond"


async def test_a_slow_reader_holds_the_stream_back() -> None:
    made = 0

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal made
        while True:
            made += 1
            yield bytes(64 * 1024)

    async with serving(streaming(pieces), send_stall_seconds=0.3) as server, connected(server.port) as client:
        client.send(GET)
        await client.head()
        before = -1
        while made != before:
            before = made
            await asyncio.sleep(0.05)
        assert made * 64 < 32 * 1024  # what the kernel takes, not more: a few megabytes
        await until(lambda: server.connections == 0)  # and in the end the connection is cut


async def test_a_client_that_goes_cancels_the_handler() -> None:
    events: list[str] = []

    async def handler(_request: Request) -> Reply:
        events.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            events.append("ended")
        raise AssertionError

    async with serving(handler) as server:
        async with connected(server.port) as client:
            client.send(GET)
            await until(lambda: events == ["begun"])
        await until(lambda: events == ["begun", "ended"])


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_client_that_goes_closes_the_stream(*, waiting: bool) -> None:
    ended = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(1024 * 1024)
                if waiting:
                    await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # there is time to tidy up
            ended.set()

    async with serving(streaming(pieces)) as server, connected(server.port) as client:
        client.send(GET)
        await client.head()
        client.abort()
        await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_handler_that_answers_a_client_that_has_gone(*, streamed: bool) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"never"

    async def handler(_request: Request) -> Reply:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            closed.set()
        return Reply(stream=pieces() if streamed else None)

    with structlog.testing.capture_logs() as logs:
        async with serving(handler) as server:
            async with connected(server.port) as client:
                client.send(GET)
                await asyncio.wait_for(begun.wait(), 5)
            await asyncio.wait_for(closed.wait(), 5)
            await server.drain(5.0)
    assert logs == []


async def test_a_handler_that_breaks_gives_500_and_a_log_line_without_content() -> None:
    async def handler(request: Request) -> Reply:
        if request.path == "/cancelled":
            raise asyncio.CancelledError
        raise ValueError("the canary")

    with structlog.testing.capture_logs() as logs:
        async with serving(handler) as server, connected(server.port) as client:
            client.send(b"GET /canary HTTP/1.1\r\nhost: a\r\nx-request-id: r1\r\n\r\n")
            answer = await client.answer()
            client.send(b"GET /cancelled HTTP/1.1\r\nhost: a\r\n\r\n")
            assert (await client.answer()).status == 500
    assert (answer.status, answer.headers["x-request-id"]) == (500, "r1")
    error = msgspec.json.decode(answer.body)["error"]
    assert (error["type"], error["code"], error["param"]) == ("server_error", "internal", None)
    assert [log["error"] for log in logs] == ["ValueError", "CancelledError"]
    assert logs[0]["request_id"] == "r1"
    assert "canary" not in repr(logs)


async def test_a_stream_that_breaks_is_not_taken_for_whole() -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"half"
        await asyncio.sleep(0.01)
        raise ValueError("the canary")

    with structlog.testing.capture_logs() as logs:
        async with serving(streaming(pieces)) as server, connected(server.port) as client:
            client.send(GET)
            await client.head()
            assert await client.chunk() == b"half"
            assert await client.is_closed()
    assert [log["error"] for log in logs] == ["ValueError"]
    assert "canary" not in repr(logs)


async def test_a_taken_port_is_a_refusal() -> None:
    async with serving(echo) as server:
        with pytest.raises(Refused) as caught:
            await GatewayServer(echo, clock=CLOCK).start("127.0.0.1", server.port)
    assert caught.value.code == "port_in_use"


async def test_several_servers_share_a_port() -> None:
    servers = [GatewayServer(echo, clock=CLOCK) for _ in range(2)]
    await servers[0].start("127.0.0.1", 0, reuse_port=True)
    await servers[1].start("127.0.0.1", servers[0].port, reuse_port=True)
    for server in servers:
        await server.drain(0.0)


async def test_draining_lets_finish_what_runs() -> None:
    go = asyncio.Event()

    async def handler(_request: Request) -> Reply:
        await go.wait()
        return Reply(200, b"done")

    async with serving(handler) as server, AsyncExitStack() as stack:
        busy, idle, partial = [await stack.enter_async_context(connected(server.port)) for _ in range(3)]
        busy.send(GET)
        partial.send(GET[:20])
        await until(lambda: server.connections == 3)
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(server.drain(10.0))
        assert await idle.is_closed()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        partial.send(GET[20:])
        go.set()
        for client in (busy, partial):
            answer = await client.answer()
            assert (answer.body, answer.headers["connection"]) == (b"done", "close")
        await asyncio.wait_for(draining, 5)


async def test_draining_cuts_what_does_not_finish() -> None:
    ended = asyncio.Event()

    async def handler(_request: Request) -> Reply:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            ended.set()
        raise AssertionError

    async with serving(handler) as server, connected(server.port) as client:
        client.send(GET)
        await asyncio.sleep(0.05)
        await server.drain(0.05)
        assert ended.is_set()  # the drain waits for what a cancelled task still has to settle
        assert await client.is_closed()


async def test_draining_closes_after_a_stream() -> None:
    go = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"a"
        await go.wait()
        yield b"b"

    async with serving(streaming(pieces)) as server, connected(server.port) as client:
        client.send(GET)
        await client.head()
        draining = asyncio.create_task(server.drain(10.0))
        await asyncio.sleep(0.02)
        go.set()
        assert await client.rest() == b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        await asyncio.wait_for(draining, 5)
