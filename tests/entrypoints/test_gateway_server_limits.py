"""What the gateway's server says no to, in which words, and when it loses patience."""

from typing import Any

import msgspec
import pytest

from packhouse.adapters.outside.clock import SystemClock
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.limits import Limits
from packhouse.entrypoints.gateway.server import GatewayServer
from tests.support.raw_http import RawAnswer, connected

pytestmark = pytest.mark.anyio

HOST = b"host: a\r\n"


async def handler(_request: Request) -> Reply:
    return Reply(200, b"reached")


async def refusal(*data: bytes, **limits: Any) -> RawAnswer:
    """The answer to what is sent, after which the server must have closed."""
    settled = {"tick_seconds": 0.02, "linger_seconds": 0.1} | limits
    server = GatewayServer(handler, clock=SystemClock(), limits=msgspec.convert(settled, Limits))
    await server.start("127.0.0.1", 0)
    try:
        async with connected(server.port) as client:
            for piece in data:
                client.send(piece)
                await client.flush()
            answer = await client.answer()
            assert await client.is_closed()
            return answer
    finally:
        await server.drain(0.0)


def code_of(answer: RawAnswer) -> str:
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-request-id"]
    error = msgspec.json.decode(answer.body)["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", None)
    assert error["message"]
    return error["code"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 3, 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: +3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 0x3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 99999999999999999999999\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        b"GET / HTTP/1.1\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: a\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: a\r\nauthorization: b\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"expect: magic\r\n\r\n",
        b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
        b"GET / HTTP/0.9\r\n" + HOST + b"\r\n",
        b"GET relative HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /%ff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
    ],
)
async def test_what_is_not_http(request_bytes: bytes) -> None:
    answer = await refusal(request_bytes)
    assert (answer.status, code_of(answer)) == (400, "malformed_http")


async def test_a_request_before_the_bad_one_is_answered_first() -> None:
    server = GatewayServer(handler, clock=SystemClock())
    await server.start("127.0.0.1", 0)
    async with connected(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\nGET / HTTP/1.1\n\n")
        assert (await client.answer()).body == b"reached"
        assert code_of(await client.answer()) == "malformed_http"
    await server.drain(0.0)


async def test_a_body_that_is_announced_too_large() -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"expect: 100-continue\r\ncontent-length: 101\r\n\r\n"
    answer = await refusal(head, body_bytes_max=100)
    assert (answer.status, code_of(answer)) == (413, "body_too_large")


@pytest.mark.parametrize(("coding", "status"), [(b"gzip", 415), (b"br, gzip", 415), (b"Identity", 200)])
async def test_an_encoded_body_is_refused(coding: bytes, status: int) -> None:
    head = b"POST / HTTP/1.1\r\nconnection: close\r\n" + HOST + b"content-encoding: %b\r\ncontent-length: 2\r\n\r\n{}"
    answer = await refusal(head % coding)
    assert answer.status == status
    assert status == 200 or code_of(answer) == "encoding_unsupported"


async def test_a_body_that_grows_too_large() -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
    answer = await refusal(head, b"40\r\n" + bytes(64) + b"\r\n", b"40\r\n" + bytes(64), body_bytes_max=100)
    assert (answer.status, code_of(answer)) == (413, "body_too_large")


async def test_the_answer_survives_a_client_that_goes_on_sending() -> None:
    head = b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 8000000\r\n\r\n"
    answer = await refusal(head, *([bytes(1_000_000)] * 8), body_bytes_max=100, linger_seconds=2.0)
    assert answer.status == 413


@pytest.mark.parametrize("body", [b"", b"content-length: 100\r\n\r\n" + bytes(100)])
async def test_a_body_at_the_limit_is_taken(body: bytes) -> None:
    answer = await refusal(b"POST / HTTP/1.1\r\nconnection: close\r\n" + HOST + (body or b"\r\n"), body_bytes_max=100)
    assert answer.body == b"reached"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\n" + b"x: %b\r\n" % (b"y" * 90) * 12],
        [b"GET / HTTP/1.1\r\nx: " + b"y" * 800, b"y" * 800],
        [b"GET /" + b"y" * 1100 + b" HTTP/1.1\r\n" + HOST + b"\r\n"],
        [b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n0\r\nx: y", b"y" * 2000],
    ],
    ids=["many headers", "one long header", "a long target", "a long trailer"],
)
async def test_a_head_that_is_too_large(pieces: list[bytes]) -> None:
    answer = await refusal(*pieces, b"z: z\r\n\r\n", head_bytes_max=1000)
    assert (answer.status, code_of(answer)) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "begun",
    [b"GET / HTTP", b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 3\r\n\r\na"],
    ids=["in the head", "in the body"],
)
async def test_a_request_that_does_not_arrive(begun: bytes) -> None:
    answer = await refusal(begun, head_seconds=0.1, body_stall_seconds=0.1)
    assert (answer.status, code_of(answer)) == (408, "request_timeout")


async def test_an_idle_connection_is_closed() -> None:
    limits = Limits(tick_seconds=0.02, idle_seconds=0.1, head_seconds=0.1)
    server = GatewayServer(handler, clock=SystemClock(), limits=limits)
    await server.start("127.0.0.1", 0)
    async with connected(server.port) as silent:
        assert await silent.is_closed()
    async with connected(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (await client.answer()).body == b"reached"
        assert await client.is_closed()
    await server.drain(0.0)
