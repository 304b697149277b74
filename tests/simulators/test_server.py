"""The server under the simulators: HTTP/1.1 as clients use it, TLS, what it saw, time."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from packhouse.simulators import STAMP, Credentials, Rule, Simulator, simulator
from tests.simulators.clients import Bedrock, said
from tests.support.raw_http import connected, until

pytestmark = pytest.mark.anyio

KEY = "Bearer sk-simulated-key"
USER: Any = [{"role": "user", "content": "Hello there"}]
CHAT: Any = {"model": "m", "messages": USER}


@pytest.fixture
async def sim() -> AsyncGenerator[Simulator]:
    async with simulator("openai") as running:
        yield running


@pytest.fixture
async def http(sim: Simulator) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sim.url, headers={"authorization": KEY}, timeout=5) as client:
        yield client


def request(body: bytes, *lines: str, path: str = "/v1/chat/completions") -> bytes:
    head = "\r\n".join((f"POST {path} HTTP/1.1", "host: x", f"authorization: {KEY}", *lines))
    return f"{head}\r\n\r\n".encode() + body


async def test_pipelined_requests_are_answered_in_order(sim: Simulator) -> None:
    sim.play(Rule(when="slow", text="slow answer", first_delay_seconds=0.05))
    texts = ("slow", "quick", "slow", "last")
    bodies = [b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % text.encode() for text in texts]
    async with connected(sim.port) as client:
        client.send(b"".join(request(body, f"content-length: {len(body)}") for body in bodies))
        answers = [await client.answer() for _ in bodies]
    contents = [answer.body.split(b'"content":"')[1].split(b'"')[0].decode() for answer in answers]
    assert contents == ["slow answer", "quick", "slow answer", "last"]
    assert (sim.seen.connections, sim.seen.count) == (1, 4)


async def test_chunked_bodies_and_expectations(sim: Simulator) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:])) + b"0\r\n\r\n"
    async with connected(sim.port) as client:
        client.send(request(chunked, "transfer-encoding: chunked"))
        assert (await client.answer()).status == 200
        client.send(request(b"", "expect: 100-continue", f"content-length: {len(body)}"))
        assert (await client.head())[0] == 100
        client.send(body)
        assert (await client.answer()).status == 200
        client.send(request(body, f"content-length: {len(body)}", "connection: close"))
        assert (await client.answer()).status == 200
        assert await client.rest() == b""
        assert sim.seen.last.body == body


async def test_what_is_not_http_is_a_400(sim: Simulator) -> None:
    async with connected(sim.port) as client:
        client.send(b"nonsense\r\n\r\n")
        assert (await client.answer()).status == 400
        assert await client.rest() == b""


async def test_a_client_that_leaves_is_seen(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.play(Rule(text="a b c d", piece_delay_seconds=0.02, stamps=True))
    async with http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as reply:
        async for _ in reply.aiter_bytes():
            break
    await until(lambda: sim.seen.last.ended is not None)
    assert sim.seen.last.ended == "client left"
    assert sim.seen.usage.output == 0


async def test_pieces_are_stamped_as_they_leave(sim: Simulator, http: httpx.AsyncClient) -> None:
    sim.play(Rule(text="a b c d", piece_delay_seconds=0.01, stamps=True))
    begun = time.monotonic_ns()
    reply = await http.post("/v1/chat/completions", json={**CHAT, "stream": True})
    stamps = [int(stamp) for stamp in STAMP.findall(reply.text)]
    assert len(stamps) == 4
    assert begun < stamps[0]
    assert stamps[-1] < time.monotonic_ns()
    assert all(later - earlier >= 10_000_000 for earlier, later in pairwise(stamps))


async def test_a_large_answer_to_a_slow_reader(sim: Simulator) -> None:
    sim.play(Rule(text="x" * 4_000_000, pieces=4_000))
    body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    async with connected(sim.port) as client:
        client.send(request(body, f"content-length: {len(body)}"))
        await client.head()
        await asyncio.sleep(0.05)
        assert sim.seen.last.ended is None
        size = 0
        while piece := await client.chunk():
            size += piece.count(b"x")
        assert size >= 4_000_000


async def test_what_was_seen(sim: Simulator, http: httpx.AsyncClient) -> None:
    await http.post("/v1/chat/completions", json=CHAT)
    await http.post("/v1/chat/completions", json=CHAT, headers={"authorization": "no"})
    summary = (await http.get("/_simulator/seen?bodies=1&last=1")).json()
    assert summary["paths"] == {"/v1/chat/completions": 2}
    assert summary["statuses"] == {"200": 1, "401": 1}
    assert (summary["usage"]["input"], summary["usage"]["output"]) == (15, 3)
    assert [call["body"] for call in summary["last"]] == [CHAT]
    assert (summary["calls"], summary["connections"], summary["open_connections"]) == (2, 1, 1)
    assert sim.seen.last.json() == CHAT
    assert sim.seen.calls[0].headers["authorization"] == KEY
    await http.post("/_simulator/reset")
    assert (await http.get("/_simulator/seen")).json()["calls"] == 0
    assert (await http.get("/_simulator/nothing")).status_code == 404


async def test_rules_by_page(http: httpx.AsyncClient) -> None:
    await http.post("/_simulator/rules", json={"rules": [{"when": "Hello", "text": "Good day."}]})
    reply = await http.post("/v1/chat/completions", json=CHAT)
    assert reply.json()["choices"][0]["message"]["content"] == "Good day."
    assert "unknown field" in (await http.post("/_simulator/rules", json={"rule": []})).json()["error"]


async def test_whoever_asks_is_let_in_if_that_is_wanted() -> None:
    async with simulator("bedrock", credentials=Credentials(any_key=True)) as sim, httpx.AsyncClient() as client:
        reply = await client.post(f"{sim.url}/model/anthropic.claude-x/converse", json={"messages": said("Hi")})
    assert reply.status_code == 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    keys = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    subprocess.run(["openssl", "req", "-x509", *keys, "-out", str(cert), *subject], check=True, capture_output=True)
    return cert, key


@pytest.mark.needs("openssl")
class TestTls:
    @pytest.fixture
    def tls(self, certificate: tuple[Path, Path]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        return context

    async def test_a_handshake_fails_while_it_is_broken(
        self, tls: ssl.SSLContext, certificate: tuple[Path, Path]
    ) -> None:
        known = ssl.create_default_context(cafile=str(certificate[0]))
        async with simulator("openai", tls=tls) as sim:
            async with httpx.AsyncClient(verify=known, headers={"authorization": KEY}) as client:
                chat = f"{sim.url}/v1/chat/completions"
                assert chat.startswith("https://")
                assert (await client.post(chat, json=CHAT)).status_code == 200
                await sim.break_tls()
                with pytest.raises((httpx.ConnectError, httpx.ReadError), match=r"SSL|^$"):
                    await client.post(chat, json=CHAT)
                with pytest.raises(httpx.ConnectError, match="SSL"):
                    await client.post(chat, json=CHAT)
                await sim.accept()
                assert (await client.post(chat, json=CHAT)).status_code == 200
            async with httpx.AsyncClient() as stranger:
                with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                    await stranger.post(chat, json=CHAT)

    async def test_boto3_with_a_bearer_key(
        self, tls: ssl.SSLContext, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
        async with simulator("bedrock", tls=tls) as sim:
            monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", sim.credentials.key)
            answer = await Bedrock(sim)("converse", modelId="eu.anthropic.claude-sonnet-4-6", messages=said("Hi"))
            assert answer["output"]["message"]["content"] == [{"text": "Hi"}]
            assert sim.seen.last.headers["authorization"] == f"Bearer {sim.credentials.key}"
