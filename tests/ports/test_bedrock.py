"""The adapter on the wire: addresses, headers, answers and what goes wrong, against raw servers and the simulator."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.bedrock.adapter import Bedrock
from packhouse.adapters.models.bedrock.credentials import BearerKey, Credentials, DefaultChain, Keyring
from packhouse.adapters.models.bedrock.signature import StaticKeys
from packhouse.adapters.models.http import Timeouts, UpstreamClient
from packhouse.adapters.outside.clock import SetClock
from packhouse.domain.chat import ChatPiece, ChatRequest, Message, PartEnd, StreamEnd, TextDelta
from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import EmbedInput, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.simulators.bedrock import frames
from tests.support.raw_http import RawClient, raw_server, until

pytestmark = pytest.mark.anyio

REGION = "eu-central-1"
PROFILE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEYS = StaticKeys("AKIA1", "secret", "token")
NOW = datetime(2026, 11, 25, 3, 4, 5, tzinfo=UTC)
ASKED = ChatRequest(model=PROFILE, messages=(Message("user", (Text("Hello"),)),), output_tokens_max=9)

USAGE = {"inputTokens": 12, "outputTokens": 3, "totalTokens": 15, "cacheReadInputTokens": 4}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": USAGE,
    "metrics": {"latencyMs": 1},
}
TOKENS = ModelTokens(12, 3, cache_read=4)


def whole(body: object, *, status: int = 200, head: str = "") -> bytes:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return f"HTTP/1.1 {status} X\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data


def event(kind: str, **payload: object) -> bytes:
    return frames.event(kind, json.dumps({"p": "abc", **payload}).encode())


SAID = (
    event("messageStart", role="assistant"),
    event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Hi"}),
    event("contentBlockStop", contentBlockIndex=0),
    event("messageStop", stopReason="end_turn"),
    event("metadata", usage=USAGE, metrics={"latencyMs": 1}),
)
PIECES = [TextDelta("Hi"), PartEnd(), StreamEnd("end", TOKENS)]


def stream(*events: bytes, kind: str = "application/vnd.amazon.eventstream") -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in events)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    return head.encode() + chunks


class Upstream:
    """Answers the first request with the first answer and so on; keeps heads and bodies."""

    def __init__(self, *answers: bytes, ends: bool = True) -> None:
        self._answers = answers
        self._ends = ends
        self.heads: list[list[bytes]] = []
        self.bodies: list[Any] = []
        self.connections = 0
        self.sents = 0

    def sent(self) -> None:
        self.sents += 1

    async def serve(self, client: RawClient) -> None:
        self.connections += 1
        while True:
            head, _, body = (await client.request()).partition(b"\r\n\r\n")
            self.heads.append(head.split(b"\r\n"))
            self.bodies.append(msgspec.json.decode(body))
            answer = self._answers[min(len(self.bodies), len(self._answers)) - 1]
            client.send(answer)
            if b"chunked" in answer and self._ends:
                client.send(b"0\r\n\r\n")
            elif b"chunked" in answer:
                return

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        lines = (line.decode().partition(": ") for line in self.heads[-1][1:])
        return next((value for given, _, value in lines if given == name), None)


@asynccontextmanager
async def adapter_at(
    upstream: Upstream, *, region: str = REGION, credentials: Credentials | Keyring = KEYS, **more: Any
) -> AsyncGenerator[Bedrock]:
    client = UpstreamClient()
    async with raw_server(upstream.serve) as port:
        url = f"http://127.0.0.1:{port}/"
        yield Bedrock(region, client=client, credentials=credentials, clock=SetClock(NOW), endpoint_url=url, **more)
        client.close()


async def pieces_of(answer: bytes, **more: Any) -> list[ChatPiece]:
    upstream = Upstream(answer, **more)
    async with adapter_at(upstream) as adapter:
        return [piece async for piece in adapter.stream(ASKED, upstream.sent)]


async def test_an_answer() -> None:
    upstream = Upstream(whole(ANSWER))
    async with adapter_at(upstream) as adapter:
        answer = await adapter.answer(ASKED, upstream.sent)
        await adapter.answer(ASKED, upstream.sent)
    assert (answer.parts, answer.stop_reason, answer.tokens) == ((Text("Hi"),), "end", TOKENS)
    assert (upstream.sents, upstream.connections) == (2, 1)
    assert upstream.heads[0][0] == (b"POST /model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse HTTP/1.1")
    assert upstream.header("x-amz-date") == "20261125T030405Z"
    assert upstream.header("x-amz-security-token") == "token"
    assert upstream.header("content-type") == "application/json"
    authorization = upstream.header("authorization") or ""
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIA1/20261125/eu-central-1/bedrock/aws4_request, ")
    assert "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token," in authorization
    assert upstream.bodies[0] == {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 9},
    }


async def test_a_bearer_key() -> None:
    upstream = Upstream(whole(ANSWER))
    async with adapter_at(upstream, credentials=BearerKey("ABSKx")) as adapter:
        await adapter.answer(ASKED, upstream.sent)
    assert upstream.header("authorization") == "Bearer ABSKx"
    assert upstream.header("x-amz-date") is None


async def test_the_regions_own_address() -> None:
    client = UpstreamClient()
    adapter = Bedrock(REGION, client=client, credentials=KEYS, clock=SetClock(NOW))
    with pytest.raises(Exception, match=r"bedrock-runtime\.eu-central-1\.amazonaws\.com"):
        await adapter.answer(ASKED, lambda: None)
    client.close()


async def test_a_stream() -> None:
    upstream = Upstream(stream(*SAID))
    async with adapter_at(upstream) as adapter:
        for _ in range(2):
            assert [piece async for piece in adapter.stream(ASKED, upstream.sent)] == PIECES
    assert upstream.heads[0][0].endswith(b"/converse-stream HTTP/1.1")
    assert (upstream.sents, upstream.connections) == (2, 1)  # read to its end, a connection is kept


async def test_each_piece_is_handed_on_as_it_comes() -> None:
    class Slow(Upstream):
        async def serve(self, client: RawClient) -> None:
            await client.request()
            client.send(stream(*SAID[:2]))
            await asked_on.wait()
            client.send(b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in SAID[2:]) + b"0\r\n\r\n")

    asked_on = asyncio.Event()
    upstream = Slow(b"")
    async with adapter_at(upstream) as adapter, aclosing(adapter.stream(ASKED, upstream.sent)) as pieces:
        assert await anext(pieces) == TextDelta("Hi")
        asked_on.set()
        assert [piece async for piece in pieces] == PIECES[1:]


async def test_a_stream_that_is_left_closes_its_connection() -> None:
    left = asyncio.Event()

    class Endless(Upstream):
        async def serve(self, client: RawClient) -> None:
            await client.request()
            client.send(stream(*SAID[:2]))
            assert await client.is_closed()
            left.set()

    upstream = Endless(b"")
    async with adapter_at(upstream) as adapter:
        async with aclosing(adapter.stream(ASKED, upstream.sent)) as pieces:
            await anext(pieces)
        await asyncio.wait_for(left.wait(), 5)


INVALID = "x-amzn-ErrorType: ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/\r\n"
WRONG_SUM = frames.with_wrong_checksum(SAID[1])
THROTTLED = frames.exception("throttlingException", b'{"message":"Too many requests"}')


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (stream(*SAID[:3]), "provider_cut"),
        (stream(), "provider_cut"),
        (stream(SAID[0], SAID[1][:-5]), "provider_cut"),
        (stream(SAID[0], WRONG_SUM), "provider_malformed"),
        (stream(SAID[0], frames.malformed(SAID[1])), "provider_malformed"),
        (stream(SAID[0], frames.with_truncated_payload(SAID[1])), "provider_malformed"),
        (stream(SAID[0], SAID[1], THROTTLED), "provider_throttled"),
        (stream(b"{}", kind="application/json"), "provider_malformed"),
        (whole({"message": "No."}, status=400, head=INVALID), "provider_refused"),
        (whole({"message": "No."}, status=429), "provider_throttled"),
        (whole(b"", status=503), "provider_failed"),
    ],
)
async def test_a_stream_that_goes_wrong(answer: bytes, code: str) -> None:
    for ends in (True, False):
        if answer == stream() and not ends:
            continue
        with pytest.raises(Refused) as caught:
            await pieces_of(answer, ends=ends)
        assert caught.value.code == code


async def test_a_stream_that_stops_without_its_usage() -> None:
    assert await pieces_of(stream(*SAID[:4])) == [*PIECES[:2], StreamEnd("end", None)]
    assert await pieces_of(stream(*SAID[:4]), ends=False) == [*PIECES[:2], StreamEnd("end", None)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (whole(b"<html>"), "provider_malformed"),
        (whole(ANSWER)[:-5], "provider_timeout"),
        (whole({"message": "Too many tokens"}, status=429, head="Retry-After: 7\r\n"), "provider_throttled"),
        (whole({"message": "x"}, status=403, head="x-amzn-errortype: AccessDeniedException\r\n"), "provider_refused"),
    ],
)
async def test_an_answer_that_goes_wrong(answer: bytes, code: str) -> None:
    upstream = Upstream(answer)
    timeouts = Timeouts(first_byte_seconds=0.3, between_bytes_seconds=0.3)
    async with adapter_at(upstream, timeouts=timeouts) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.answer(ASKED, upstream.sent)
    assert caught.value.code == code
    assert caught.value.facts.get("retry_after_seconds") == (7.0 if code == "provider_throttled" else None)


@pytest.mark.parametrize(
    ("region", "model"),
    [
        (REGION, "us.anthropic.claude-sonnet-4-6"),
        (REGION, "global.anthropic.claude-sonnet-4-6"),
        ("ca-central-1", "us.anthropic.claude-sonnet-4-6"),
        ("ca-central-1", "global.cohere.embed-v4:0"),
        ("us-east-1", PROFILE),
    ],
)
async def test_a_profile_of_another_geography_is_never_called(region: str, model: str) -> None:
    upstream = Upstream(whole(ANSWER))
    request = msgspec.structs.replace(ASKED, model=model)
    async with adapter_at(upstream, region=region) as adapter:
        for call in (
            lambda: adapter.answer(request, upstream.sent),
            lambda: anext(adapter.stream(request, upstream.sent)),
            lambda: adapter.embed(EmbedRequest(model=model + "cohere.embed", inputs=("a",)), upstream.sent),
            lambda: adapter.count_tokens(request),
        ):
            with pytest.raises(Refused) as caught:
                await call()
            assert (caught.value.code, caught.value.facts["region"]) == ("unsupported", region)
    assert (upstream.sents, upstream.bodies) == (0, [])


async def test_counting_asks_for_the_plain_model() -> None:
    upstream = Upstream(whole({"inputTokens": 11}))
    async with adapter_at(upstream) as adapter:
        assert await adapter.count_tokens(ASKED) == 11
    assert upstream.heads[0][0] == (b"POST /model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens HTTP/1.1")
    assert upstream.bodies[0]["input"]["converse"]["messages"][0]["role"] == "user"


# embeddings


def vectors(count: int) -> bytes:
    body = {"embeddings": {"float": [[1.0, 0.5]] * count}, "id": "x", "response_type": "embeddings_by_type"}
    return whole(body, head="X-Amzn-Bedrock-Input-Token-Count: 7\r\n")


async def test_embeddings_in_batches() -> None:
    upstream = Upstream(vectors(96), vectors(4))
    request = EmbedRequest(model="cohere.embed-v4:0", inputs=tuple(map(str, range(100))))
    async with adapter_at(upstream) as adapter:
        answer = await adapter.embed(request, upstream.sent)
    assert sorted(len(body["texts"]) for body in upstream.bodies) == [4, 96]
    assert (len(answer.vectors), answer.dimensions, answer.tokens) == (100, 2, ModelTokens(14))
    assert upstream.sents == 1


async def test_images_go_to_the_third_version_one_by_one() -> None:
    upstream = Upstream(vectors(1))
    picture = EmbedInput((Image("image/png", b"x"),))
    request = EmbedRequest(model="cohere.embed-english-v3", inputs=("a", picture, "b"))
    async with adapter_at(upstream) as adapter:
        answer = await adapter.embed(request, upstream.sent)
    assert sorted(body["input_type"] for body in upstream.bodies) == ["image", "search_document", "search_document"]
    assert (len(answer.vectors), answer.tokens, answer.image_tokens) == (3, ModelTokens(21), 7)


async def test_other_embeddings_models_are_refused() -> None:
    upstream = Upstream(b"")
    async with adapter_at(upstream) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.embed(EmbedRequest(model="amazon.titan-embed-text-v2:0", inputs=("a",)), upstream.sent)
    assert (caught.value.code, upstream.sents) == ("unsupported", 0)


# credentials


async def test_keys_that_have_run_out_are_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    expired = whole({"message": "expired"}, status=403, head="x-amzn-errortype: ExpiredTokenException\r\n")
    upstream = Upstream(expired, whole(ANSWER))
    ring = Keyring(DefaultChain(), environment={})
    async with adapter_at(upstream, credentials=ring) as adapter:
        with pytest.raises(Refused) as caught:
            await adapter.answer(ASKED, upstream.sent)
        assert caught.value.code == "provider_failed"
        assert ring.at_hand() is None
        assert (await adapter.answer(ASKED, upstream.sent)).text == "Hi"


async def test_a_long_body_is_signed_outside_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    from packhouse.adapters.models.bedrock import adapter as module

    threads = list[int]()
    hashed = module.sha256

    def noted(data: bytes) -> Any:
        threads.append(threading.get_ident())
        return hashed(data)

    monkeypatch.setattr(module, "sha256", noted)
    upstream = Upstream(whole(ANSWER))
    picture = Message("user", (Image("image/png", bytes(300_000)),))
    async with adapter_at(upstream) as adapter:
        await adapter.answer(ASKED, upstream.sent)
        await adapter.answer(msgspec.structs.replace(ASKED, messages=(picture,)), upstream.sent)
    assert [thread == threading.get_ident() for thread in threads] == [True, False]
    await until(lambda: len(upstream.bodies) == 2)
