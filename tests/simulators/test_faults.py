"""Faults: each is on the wire what its name says, of every provider, plain and streamed."""

import time
from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import cohere.core
import httpx
import msgspec
import openai
import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from packhouse.simulators import Credentials, Fault, Listening, Provider, Rule, Simulator, Usage, simulator
from tests.simulators.clients import Bedrock, anthropic_client, cohere_client, openai_client, said
from tests.support.raw_http import until

pytestmark = pytest.mark.anyio

CLAUDE = "eu.anthropic.claude-sonnet-4-6"
USER: Any = [{"role": "user", "content": "one two three four"}]
CALLS: dict[Provider, tuple[str, Any]] = {
    "bedrock": (f"/model/{CLAUDE}/converse", {"messages": said("one two three four")}),
    "anthropic": ("/v1/messages", {"model": "m", "max_tokens": 99, "messages": USER}),
    "cohere": ("/v2/embed", {"model": "embed-v4.0", "texts": ["one two"], "input_type": "search_query"}),
    "openai": ("/v1/chat/completions", {"model": "m", "messages": USER}),
}
STREAMS: dict[Provider, tuple[str, Any]] = {
    "bedrock": (f"/model/{CLAUDE}/converse-stream", {"messages": said("one two three four")}),
    "anthropic": ("/v1/messages", {**CALLS["anthropic"][1], "stream": True}),
    "openai": ("/v1/chat/completions", {**CALLS["openai"][1], "stream": True}),
}
STATUSES = (400, 403, 404, 408, 424, 429, 500, 503, 529)
PROVIDERS: tuple[Provider, ...] = ("bedrock", "anthropic", "cohere", "openai")
STREAMING: tuple[Provider, ...] = ("bedrock", "anthropic", "openai")


@pytest.fixture
async def sim(request: pytest.FixtureRequest) -> AsyncGenerator[Simulator]:
    provider: Provider = request.param
    async with simulator(provider, credentials=Credentials(any_key=True)) as running:
        yield running


@pytest.fixture
async def http(sim: Simulator) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sim.url, headers={"anthropic-version": "2023-06-01"}, timeout=5) as client:
        yield client


def every(*providers: Provider) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sim", providers, indirect=True)


async def post(http: httpx.AsyncClient, call: tuple[str, Any], **headers: str) -> httpx.Response:
    return await http.post(call[0], json=call[1], headers=headers)


@every(*PROVIDERS)
@pytest.mark.parametrize("status", STATUSES)
async def test_statuses_and_then_success(sim: Simulator, http: httpx.AsyncClient, status: int) -> None:
    sim.fail(Fault(kind="status", status=status, times=2, retry_after="7" if status == 429 else ""))
    replies = [await post(http, CALLS[sim.name]) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [status, status, 200]
    assert replies[0].headers.get("retry-after") == ("7" if status == 429 else None)
    assert replies[0].json()
    assert [call.fault for call in sim.seen.calls] == ["status", "status", ""]
    assert sim.seen.usage == sim.seen.last.usage


@every(*STREAMING)
async def test_a_header_asks_for_a_fault(sim: Simulator, http: httpx.AsyncClient) -> None:
    for header in ("status=529", '{"kind": "status", "status": 529}'):
        reply = await post(http, STREAMS[sim.name], **{"x-simulator-fault": header})
        assert reply.status_code == 529
    wrong = await post(http, STREAMS[sim.name], **{"x-simulator-fault": "kind=none"})
    assert (wrong.status_code, "not a fault" in wrong.text) == (400, True)


@every(*PROVIDERS)
@pytest.mark.parametrize("kind", ["close", "reset"])
@pytest.mark.parametrize("at", ["head", "first", "middle"])
async def test_a_plain_answer_is_cut(sim: Simulator, http: httpx.AsyncClient, *, kind: Any, at: Any) -> None:
    sim.fail(Fault(kind=kind, at=at, times=1))
    with pytest.raises(httpx.RemoteProtocolError if kind == "close" else (httpx.ReadError, httpx.RemoteProtocolError)):
        await post(http, CALLS[sim.name])
    assert (sim.seen.last.ended, sim.seen.usage) == ("fault", Usage())
    assert (await post(http, CALLS[sim.name])).status_code == 200


@every(*STREAMING)
@pytest.mark.parametrize("kind", ["close", "reset"])
@pytest.mark.parametrize(("at", "pieces"), [("head", 0), ("first", 0), ("middle", 1), ("middle", 3), ("middle", 99)])
async def test_a_stream_is_cut(sim: Simulator, http: httpx.AsyncClient, *, kind: Any, at: Any, pieces: int) -> None:
    sim.fail(Fault(kind=kind, at=at, after_pieces=pieces))
    got = bytearray()
    with pytest.raises(httpx.TransportError):
        await _collect(http, STREAMS[sim.name], got)
    words = [word for word in (b"one", b"two", b"three", b"four") if word in got]
    assert len(words) == min(pieces, 4)
    assert sim.seen.last.ended == "fault"


async def _collect(http: httpx.AsyncClient, call: tuple[str, Any], got: bytearray) -> None:
    async with http.stream("POST", call[0], json=call[1]) as reply:
        async for data in reply.aiter_bytes():
            got += data


@every(*PROVIDERS)
@pytest.mark.parametrize("at", ["head", "first", "middle"])
async def test_a_stall_is_a_silence_and_not_the_end(sim: Simulator, http: httpx.AsyncClient, at: Any) -> None:
    for call in (CALLS[sim.name], *([STREAMS[sim.name]] if sim.name in STREAMS else [])):
        sim.fail(Fault(kind="stall", at=at, seconds=0.1, times=1))
        begun = time.monotonic()
        assert (await post(http, call)).status_code == 200
        assert time.monotonic() - begun >= 0.1
        sim.fail(Fault(kind="stall", at=at, times=1))
        with pytest.raises(httpx.ReadTimeout):
            await http.post(call[0], json=call[1], timeout=0.05)


@every(*PROVIDERS)
async def test_a_plain_answer_that_is_no_json(sim: Simulator, http: httpx.AsyncClient) -> None:
    whole = (await post(http, CALLS[sim.name])).content
    for kind in ("malformed", "truncated"):
        sim.fail(Fault(kind=kind, times=1))
        reply = await post(http, CALLS[sim.name])
        assert reply.status_code == 200
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(reply.content)
    assert len(reply.content) == len(whole) // 2


@every("anthropic", "openai")
@pytest.mark.parametrize("kind", ["malformed", "truncated"])
async def test_an_event_that_is_no_json(sim: Simulator, http: httpx.AsyncClient, kind: Any) -> None:
    sim.fail(Fault(kind=kind, after_pieces=2))
    events = (await post(http, STREAMS[sim.name])).text.split("\n\n")
    payloads = [event.rpartition("data: ")[2] for event in events if "data: " in event]
    broken = [payload for payload in payloads if payload != "[DONE]" and not _is_json(payload)]
    assert len(broken) == 1
    assert "one" in "".join(payloads)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


@every("bedrock")
async def test_frames_that_are_wrong(sim: Simulator, http: httpx.AsyncClient) -> None:
    def decode(data: bytes) -> list[bytes]:
        buffer = EventStreamBuffer()
        buffer.add_data(data)
        return [message.payload for message in buffer]

    right = decode((await post(http, STREAMS["bedrock"])).content)
    sim.fail(Fault(kind="crc", after_pieces=2, times=1))
    with pytest.raises(ChecksumMismatch):
        decode((await post(http, STREAMS["bedrock"])).content)
    sim.fail(Fault(kind="malformed", after_pieces=2, times=1))
    with pytest.raises(ChecksumMismatch):
        decode((await post(http, STREAMS["bedrock"])).content)
    sim.fail(Fault(kind="truncated", after_pieces=2, times=1))
    cut = decode((await post(http, STREAMS["bedrock"])).content)
    assert [_is_json(payload.decode()) for payload in cut] == [True, True, True, False, *[True] * (len(right) - 4)]


class TestClientsRaise:
    async def test_boto3(self) -> None:
        async with simulator("bedrock") as sim:
            bedrock = Bedrock(sim)
            for status, name in [
                (400, "ValidationException"),
                (403, "AccessDeniedException"),
                (404, "ResourceNotFoundException"),
                (408, "ModelTimeoutException"),
                (424, "ModelErrorException"),
                (429, "ThrottlingException"),
                (500, "InternalServerException"),
                (503, "ServiceUnavailableException"),
            ]:
                sim.fail(Fault(kind="status", status=status, times=1))
                with pytest.raises(getattr(bedrock.client.exceptions, name)):
                    await bedrock("converse", modelId=CLAUDE, messages=said("Hi"))
            sim.fail(Fault(kind="status", status=400, code="ServiceQuotaExceededException", times=1))
            with pytest.raises(ClientError) as caught:
                await bedrock("converse", modelId=CLAUDE, messages=said("Hi"))
            assert caught.value.response["Error"]["Code"] == "ServiceQuotaExceededException"

    @pytest.mark.parametrize("code", ["throttlingException", "modelStreamErrorException", "validationException"])
    async def test_boto3_in_a_stream(self, code: str) -> None:
        fault = Fault(kind="event", code=code, message="No more")
        async with simulator("bedrock", [Rule(fault=fault)]) as sim:
            with pytest.raises(EventStreamError, match="No more") as caught:
                await Bedrock(sim).stream(modelId=CLAUDE, messages=said("Hi you"))
        assert caught.value.response["Error"]["Code"] == code

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, anthropic.BadRequestError),
            (403, anthropic.PermissionDeniedError),
            (404, anthropic.NotFoundError),
            (429, anthropic.RateLimitError),
            (500, anthropic.InternalServerError),
            (529, anthropic.APIStatusError),
        ],
    )
    async def test_anthropic(self, status: int, kind: type[Exception]) -> None:
        async with simulator("anthropic") as sim, anthropic_client(sim) as client:
            sim.fail(Fault(kind="status", status=status))
            with pytest.raises(kind) as caught:
                await client.messages.create(model="m", max_tokens=9, messages=USER)
        assert str(status) in str(caught.value)

    async def test_anthropic_in_a_stream(self) -> None:
        async with simulator("anthropic") as sim, anthropic_client(sim) as client:
            sim.fail(Fault(kind="event", status=529))
            stream = await client.messages.create(model="m", max_tokens=9, messages=USER, stream=True)
            with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
                _ = [event async for event in stream]

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, openai.BadRequestError),
            (401, openai.AuthenticationError),
            (403, openai.PermissionDeniedError),
            (404, openai.NotFoundError),
            (429, openai.RateLimitError),
            (503, openai.InternalServerError),
        ],
    )
    async def test_openai(self, status: int, kind: type[Exception]) -> None:
        async with simulator("openai") as sim, openai_client(sim) as client:
            sim.fail(Fault(kind="status", status=status))
            with pytest.raises(kind):
                await client.chat.completions.create(model="m", messages=USER)

    async def test_openai_in_a_stream(self) -> None:
        async with simulator("openai") as sim, openai_client(sim) as client:
            sim.fail(Fault(kind="event", message="The server had an error"))
            stream = await client.chat.completions.create(model="m", messages=USER, stream=True)
            with pytest.raises(openai.APIError, match="The server had an error"):
                _ = [chunk async for chunk in stream]

    async def test_cohere(self) -> None:
        async with simulator("cohere") as sim, cohere_client(sim) as client:
            sim.fail(Fault(kind="status", status=429))
            with pytest.raises(cohere.core.ApiError) as caught:
                await client.embed(model="embed-v4.0", texts=["a"], input_type="search_query")
        assert caught.value.status_code == 429


@every("openai")
async def test_a_closed_port_opens_again(sim: Simulator, http: httpx.AsyncClient) -> None:
    assert (await post(http, CALLS["openai"])).status_code == 200
    await sim.refuse()
    with pytest.raises((httpx.ConnectError, httpx.ReadError)):
        await post(http, CALLS["openai"])
    with pytest.raises(httpx.ConnectError):
        await post(http, CALLS["openai"])
    await sim.accept()
    assert (await post(http, CALLS["openai"])).status_code == 200


@every("openai")
async def test_pages_that_make_faults(sim: Simulator, http: httpx.AsyncClient) -> None:
    await http.post("/_simulator/fault", json={"kind": "status", "status": 503})
    assert (await post(http, CALLS["openai"])).status_code == 503
    await http.post("/_simulator/clear")
    assert (await post(http, CALLS["openai"])).status_code == 200
    assert (await http.post("/_simulator/fault", json={"kind": "none"})).status_code == 400
    await http.post("/_simulator/listen", json={"mode": "refuse"})
    await until(lambda: sim.seen.open_connections == 0)
    with pytest.raises(httpx.ConnectError):
        await http.get("/_simulator/seen")
    await sim.listen(Listening(mode="refuse", seconds=0.05))
    assert (await http.get("/_simulator/seen")).json()["open_connections"] == 1
