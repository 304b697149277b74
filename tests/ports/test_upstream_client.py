"""The upstream client against servers that behave, and servers that do not."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from packhouse.adapters.models.http import Endpoint, Timeouts, UpstreamClient
from packhouse.adapters.models.http.limits import PoolLimits
from packhouse.domain.errors import Refused
from tests.support.raw_http import RawClient, Serve, raw_server

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LIMITS = PoolLimits(tick_seconds=0.02)


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


class Sents:
    """Counts how often a call said that it begins to cost."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@asynccontextmanager
async def endpoint_at(
    serve: Serve, *, method: str = "POST", limits: PoolLimits = LIMITS, timeouts: Timeouts | None = None
) -> AsyncGenerator[Endpoint]:
    client = UpstreamClient(limits=limits)
    async with raw_server(serve) as port:
        url = f"http://127.0.0.1:{port}/v1/x?y=1"
        yield client.endpoint(method, url, headers={"x-a": "b"}, timeouts=timeouts)
        client.close()


def answering(*answers: bytes) -> tuple[Serve, list[bytes]]:
    """Each connection answers that many requests, then closes. The list gets the bytes of the requests."""
    requests: list[bytes] = []

    async def serve(client: RawClient) -> None:
        for answer in answers:
            requests.append(await client.request())
            client.send(answer)

    return serve, requests


async def refused(endpoint: Endpoint, sents: Sents | None = None) -> str:
    with pytest.raises(Refused) as caught:
        await endpoint.call(b"{}", sents or Sents())
    return caught.value.code


async def test_a_call() -> None:
    serve, requests = answering(OK.replace(b"\r\n\r\n", b"\r\nX-Thing: 1\r\nx-thing: 2\r\n\r\n"))
    sents = Sents()
    async with endpoint_at(serve) as endpoint:
        answer = await endpoint.call(b"hello", sents, headers=((b"x-c", b"d"),))
    head, _, body = requests[0].partition(b"\r\n\r\n")
    first, host, *others = head.split(b"\r\n")
    assert (first, body) == (b"POST /v1/x?y=1 HTTP/1.1", b"hello")
    assert host.startswith(b"host: 127.0.0.1:")
    assert others == [b"accept-encoding: identity", b"x-a: b", b"x-c: d", b"content-length: 5"]
    assert (answer.status, answer.body, answer.header("x-thing"), answer.header("y")) == (200, b"ok", "1", None)
    assert sents.count == 1
    assert repr(answer) == "<Answer>"


async def test_connections_are_kept_and_shared_by_endpoints_of_an_origin() -> None:
    connections = 0
    serve, requests = answering(*[OK] * 6)

    async def counted(client: RawClient) -> None:
        nonlocal connections
        connections += 1
        await serve(client)

    async with raw_server(counted) as port:
        client = UpstreamClient()
        endpoints = [client.endpoint("POST", f"http://127.0.0.1:{port}/{n}", headers={}) for n in range(2)]
        for endpoint in endpoints * 3:
            assert (await endpoint.call(b"x" * 100_000, Sents())).body == b"ok"
        client.close()
    assert (connections, len(requests)) == (1, 6)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", b"ok"),
        (OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"ok"),
    ],
)
async def test_ways_in_which_a_body_ends(answer: bytes, body: bytes) -> None:
    serve, _ = answering(answer)
    async with endpoint_at(serve) as endpoint:
        for _ in range(2):
            got = await endpoint.call(b"{}", Sents())
            assert (got.body, got.header("link")) == (body, None)


async def test_pieces_come_as_they_are_sent() -> None:
    go = asyncio.Event()

    async def serve(client: RawClient) -> None:
        for _ in range(2):
            await client.request()
            client.send(b"HTTP/1.1 201 Created\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            await go.wait()
            client.send(b"3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n")
            go.clear()

    async with endpoint_at(serve) as endpoint:
        for _ in range(2):
            sents = Sents()
            async with endpoint.open(b"{}", sents) as incoming:
                assert (incoming.status, incoming.header("x"), sents.count) == (201, "y", 1)
                assert await anext(incoming) == b"one"
                go.set()
                assert await incoming.read() == b"twothree"


async def test_a_slow_consumer_holds_the_provider_back() -> None:
    sent_bytes = 0
    piece = bytes(64 * 1024)

    async def serve(client: RawClient) -> None:
        nonlocal sent_bytes
        await client.request()
        client.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent_bytes < 64 * 1024 * 1024:
            client.send(piece)
            await client.flush()
            sent_bytes += len(piece)

    timeouts = Timeouts(between_bytes_seconds=0.1)
    async with endpoint_at(serve, timeouts=timeouts) as endpoint, endpoint.open(b"{}", Sents()) as incoming:
        await anext(incoming)
        await asyncio.sleep(0.5)  # longer than the silence that a provider may keep: it is not the silent one
        assert sent_bytes < 32 * 1024 * 1024
        assert sum([len(some) async for some in incoming]) > 63 * 1024 * 1024


async def test_a_streamed_body_is_not_read_without_bound() -> None:
    serve, _ = answering(b"HTTP/1.1 500 X\r\n\r\n" + bytes(17 * 1024 * 1024))
    async with endpoint_at(serve) as endpoint, endpoint.open(b"{}", Sents()) as incoming:
        with pytest.raises(Refused) as caught:
            await incoming.read()
    assert caught.value.code == "provider_malformed"


async def test_leaving_early_closes() -> None:
    closed = asyncio.Event()

    async def serve(client: RawClient) -> None:
        await client.request()
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
        assert await client.is_closed()
        closed.set()

    async with endpoint_at(serve) as endpoint:
        async with endpoint.open(b"{}", Sents()) as incoming:
            assert await anext(incoming) == b"abc"
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_connection_is_kept_whose_end_comes_after_all_that_matters() -> None:
    connections = 0

    async def serve(client: RawClient) -> None:
        nonlocal connections
        connections += 1
        while True:
            await client.request()
            client.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            await asyncio.sleep(0.05)
            client.send(b"3\r\ndef\r\n0\r\n\r\n")

    async with endpoint_at(serve) as endpoint:
        for _ in range(2):
            async with endpoint.open(b"{}", Sents()) as incoming:
                assert await anext(incoming) == b"abc"
                incoming.whole = True
            await asyncio.sleep(0.15)
    assert connections == 1


async def test_one_that_does_not_end_after_all_that_matters_is_closed() -> None:
    closed = asyncio.Event()

    async def serve(client: RawClient) -> None:
        await client.request()
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
        assert await client.is_closed()
        closed.set()

    async with endpoint_at(serve) as endpoint:
        async with endpoint.open(b"{}", Sents()) as incoming:
            await anext(incoming)
            incoming.whole = True
        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"])
async def test_cancelling_closes(answer: bytes, *, streaming: bool) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def serve(client: RawClient) -> None:
        await client.request()
        client.send(answer)
        asked.set()
        assert await client.is_closed()
        closed.set()

    async def call(endpoint: Endpoint) -> None:
        if streaming:
            async with endpoint.open(b"{}", Sents()) as incoming:
                await incoming.read()
        else:
            await endpoint.call(b"{}", Sents())

    async with endpoint_at(serve) as endpoint:
        task = asyncio.create_task(call(endpoint))
        await asked.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait_for(closed.wait(), 5)
        assert task.cancelled()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "provider_cut"),
        (b"HTTP/1.1 200", "provider_cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", "provider_cut"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "provider_cut"),
        (b"SSH-2.0-OpenSSH\r\n", "provider_malformed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "provider_malformed"),
        (b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", "provider_malformed"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", "provider_malformed"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 80_000, "provider_malformed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + bytes(2000), "provider_malformed"),
    ],
)
async def test_answers_that_are_none(answer: bytes, code: str) -> None:
    serve, _ = answering(answer)
    sents = Sents()
    async with endpoint_at(serve, limits=PoolLimits(answer_bytes_max=1000)) as endpoint:
        assert await refused(endpoint, sents) == code
    assert sents.count == 1


async def test_a_stream_that_breaks_gives_what_came_before() -> None:
    serve, _ = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
    async with endpoint_at(serve) as endpoint, endpoint.open(b"{}", Sents()) as incoming:
        await asyncio.sleep(0.05)
        assert await anext(incoming) == b"abc"
        with pytest.raises(Refused) as caught:
            await anext(incoming)
    assert caught.value.code == "provider_cut"


@pytest.mark.parametrize(
    ("begun", "timeouts"),
    [
        (b"", Timeouts(first_byte_seconds=0.1)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Timeouts(between_bytes_seconds=0.1)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", Timeouts(total_seconds=0.1)),
    ],
)
async def test_patience_ends(begun: bytes, timeouts: Timeouts) -> None:
    async def serve(client: RawClient) -> None:
        await client.request()
        client.send(begun)
        await client.rest()

    async with endpoint_at(serve, timeouts=timeouts) as endpoint:
        assert await refused(endpoint) == "provider_timeout"


async def test_a_provider_that_is_not_there_costs_nothing() -> None:
    async with raw_server(answering()[0]) as port:
        pass
    sents = Sents()
    assert await refused(UpstreamClient().endpoint("POST", f"http://127.0.0.1:{port}", headers={}), sents)
    assert await refused(UpstreamClient().endpoint("POST", "http://a..b/", headers={}), sents) == "provider_unreachable"
    assert sents.count == 0


async def test_a_kept_connection_that_was_closed_is_not_used() -> None:
    serve, requests = answering(OK)
    sents = Sents()
    async with endpoint_at(serve) as endpoint:
        for _ in range(3):
            await endpoint.call(b"{}", sents)
            await asyncio.sleep(0.02)
    assert (len(requests), sents.count) == (3, 3)


async def test_a_post_is_not_repeated_once_it_was_sent() -> None:
    requests = 0

    async def serve(client: RawClient) -> None:
        nonlocal requests
        await client.request()
        client.send(OK)
        requests += 1
        await client.request()
        requests += 1  # and closes without an answer

    sents = Sents()
    async with endpoint_at(serve) as endpoint:
        await endpoint.call(b"{}", sents)
        assert await refused(endpoint, sents) == "provider_cut"
    assert (requests, sents.count) == (2, 2)


async def test_a_get_is_repeated_on_a_new_connection() -> None:
    requests = 0

    async def serve(client: RawClient) -> None:
        nonlocal requests
        for _ in range(2):
            await client.request()
            requests += 1
            if requests != 2:
                client.send(OK)
            else:
                return

    sents = Sents()
    async with endpoint_at(serve, method="GET") as endpoint:
        await endpoint.call(b"", sents)
        assert (await endpoint.call(b"", sents)).body == b"ok"
    assert (requests, sents.count) == (3, 2)


async def test_no_more_connections_than_allowed() -> None:
    open_now = most = 0

    async def serve(client: RawClient) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            for _ in range(2):
                await client.request()
                await asyncio.sleep(0.005)
                client.send(OK)
        finally:
            open_now -= 1

    async with endpoint_at(serve, limits=PoolLimits(connections_max=3)) as endpoint:
        answers = await asyncio.gather(*(endpoint.call(b"{}", Sents()) for _ in range(30)))
    assert [answer.body for answer in answers] == [b"ok"] * 30
    assert most <= 4  # one may still be on its way out on the server's side


async def test_who_waits_too_long_for_a_connection_is_told() -> None:
    go = asyncio.Event()

    async def serve(client: RawClient) -> None:
        await client.request()
        await go.wait()
        client.send(OK)

    timeouts = Timeouts(connect_seconds=0.1)
    async with endpoint_at(serve, limits=PoolLimits(connections_max=1), timeouts=timeouts) as endpoint:
        busy = asyncio.create_task(endpoint.call(b"{}", Sents()))
        await asyncio.sleep(0.02)
        gone = asyncio.create_task(endpoint.call(b"{}", Sents()))
        await asyncio.sleep(0.02)
        gone.cancel()
        assert await refused(endpoint) == "unavailable"
        go.set()
        assert (await busy).body == b"ok"
        assert (await endpoint.call(b"{}", Sents())).body == b"ok"


async def test_idle_connections_are_closed() -> None:
    closed = asyncio.Event()

    async def serve(client: RawClient) -> None:
        await client.request()
        client.send(OK)
        assert await client.is_closed()
        closed.set()

    async with endpoint_at(serve, limits=PoolLimits(idle_seconds=0.05, tick_seconds=0.02)) as endpoint:
        await endpoint.call(b"{}", Sents())
        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "http://", "a:1", "http://a:x/", "http://a/b c", "http://a/\r\nx: y", "http://ä/", "http://a:99999/"],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(Refused) as caught:
        UpstreamClient().endpoint("POST", url, headers={})
    assert caught.value.code == "setting_invalid"


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\n", "ä"])
def test_what_is_no_header(value: str) -> None:
    with pytest.raises(Refused) as caught:
        UpstreamClient().endpoint("POST", "http://a/", headers={"authorization": value})
    assert caught.value.code == "setting_invalid"
    assert value not in caught.value.message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    keys = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    subprocess.run(["openssl", "req", "-x509", *keys, "-out", str(cert), *subject], check=True, capture_output=True)
    return cert, key


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("known", [True, False])
async def test_tls(certificate: tuple[Path, Path], *, known: bool) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    serve, _ = answering(OK, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\npiece\r\n0\r\n\r\n")
    client = UpstreamClient(ca_file=certificate[0] if known else None)
    async with raw_server(serve, tls=context) as port:
        endpoint = client.endpoint("POST", f"https://localhost:{port}/", headers={})
        if known:
            assert (await endpoint.call(b"{}", Sents())).body == b"ok"
            async with endpoint.open(b"{}", Sents()) as incoming:
                assert await incoming.read() == b"piece"
        else:
            with pytest.raises(Refused) as caught:
                await endpoint.call(b"{}", Sents())
            assert caught.value.code == "provider_unreachable"
            assert "certificate" in caught.value.message
        client.close()


async def test_closing_the_client_ends_what_runs() -> None:
    async def serve(client: RawClient) -> None:
        await client.request()
        await client.rest()

    client = UpstreamClient()
    async with raw_server(serve) as port:
        endpoint = client.endpoint("POST", f"http://127.0.0.1:{port}/", headers={})
        call = asyncio.create_task(endpoint.call(b"{}", Sents()))
        await asyncio.sleep(0.05)
        client.close()
        with pytest.raises(Refused):
            await call
