"""The fault matrix: what goes wrong at a provider, seen by the unmodified clients of each dialect.

Every cell must end in the right exception of the client within its time, with the usage settled and nothing held. Run
with `-s` it prints what each cell raised.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import cohere
import cohere.core
import openai
import pytest

from packhouse.simulators import Fault, Provider, Rule, Simulator, simulator
from tests.support.gateway import Gateway, PackModels, gateway

pytestmark = pytest.mark.anyio

CELL_SECONDS = 12
ANSWER = " ".join(f"word{number}" for number in range(12))
RULES = (Rule(text=ANSWER, pieces=12, piece_delay_seconds=0.005),)
IMPATIENT: dict[str, Any] = {
    "provider_attempts": 2,
    "provider_connect_seconds": 1.0,
    "provider_first_seconds": 0.6,
    "provider_between_seconds": 0.6,
    "provider_total_seconds": 5.0,
}


@dataclass(frozen=True)
class Trouble:
    """A fault with the status that a whole answer, or a stream that had not begun, ends in. `breaks` is whether it
    comes in the middle: then a stream ends in the dialect's error event."""

    name: str
    status: int
    fault: Fault | None = None
    breaks: bool = False
    reached: bool = True


def of_status(status: int, ends: int, **more: Any) -> Trouble:
    name = f"{status} retry-after" if "retry_after" in more else str(status)
    return Trouble(name, ends, Fault(kind="status", status=status, **more))


REFUSED = Trouble("connect refused", 502, reached=False)
TROUBLES = (
    REFUSED,
    of_status(400, 400),
    of_status(403, 403),
    of_status(404, 404),
    of_status(408, 504),
    of_status(424, 502),
    of_status(429, 429),
    of_status(429, 429, retry_after="1"),
    of_status(500, 502),
    of_status(503, 503),
    of_status(529, 503),
    Trouble("stall at head", 504, Fault(kind="stall", at="head")),
    Trouble("stall", 504, Fault(kind="stall", at="middle", after_pieces=3), breaks=True),
    Trouble("cut", 502, Fault(kind="close", at="middle", after_pieces=3), breaks=True),
    Trouble("reset", 502, Fault(kind="reset", at="middle", after_pieces=3), breaks=True),
    Trouble("malformed frame", 502, Fault(kind="malformed", at="middle", after_pieces=3), breaks=True),
    Trouble("truncated JSON", 502, Fault(kind="truncated", at="middle", after_pieces=3), breaks=True),
)
WRONG_CRC = Trouble("wrong CRC", 502, Fault(kind="crc", at="middle", after_pieces=3), breaks=True)

Ask = Callable[[Gateway], Awaitable[object]]
TEXT_MODELS: dict[Provider, str] = {
    "openai": "upstream-openai",
    "anthropic": "claude-sonnet-4-6",
    "bedrock": "claude-sonnet-4-6",
}
VECTOR_MODELS: dict[Provider, str] = {
    "openai": "upstream-openai-embeddings",
    "cohere": "cohere-embed-v4",
    "bedrock": "cohere-embed-v4",
}


async def openai_plain(gate: Gateway) -> object:
    return await gate.client().chat.completions.create(
        model="default", messages=[{"role": "user", "content": "hi"}], max_tokens=50
    )


async def openai_stream(gate: Gateway) -> object:
    stream = await gate.client().chat.completions.create(
        model="default", messages=[{"role": "user", "content": "hi"}], max_tokens=50, stream=True
    )
    return [chunk async for chunk in stream]


async def anthropic_plain(gate: Gateway) -> object:
    async with _anthropic(gate) as client:
        return await client.messages.create(
            model="default", messages=[{"role": "user", "content": "hi"}], max_tokens=50
        )


async def anthropic_stream(gate: Gateway) -> object:
    async with _anthropic(gate) as client:
        stream = await client.messages.create(
            model="default", messages=[{"role": "user", "content": "hi"}], max_tokens=50, stream=True
        )
        return [event async for event in stream]


async def openai_vectors(gate: Gateway) -> object:
    return await gate.client("embeddings").embeddings.create(model="default", input=["hi", "there"])


async def cohere_vectors(gate: Gateway) -> object:
    url = gate.base_url.removesuffix("/v1")
    client = cohere.AsyncClientV2(gate.keys["embeddings"], base_url=url, max_retries=0)
    return await client.embed(model="default", texts=["hi", "there"], input_type="search_query")


def _anthropic(gate: Gateway) -> anthropic.AsyncAnthropic:
    url = gate.base_url.removesuffix("/v1")
    return anthropic.AsyncAnthropic(base_url=url, api_key=gate.keys["text"], max_retries=0)


CHATS: dict[str, Ask] = {
    "openai": openai_plain,
    "openai stream": openai_stream,
    "anthropic": anthropic_plain,
    "anthropic stream": anthropic_stream,
}
EMBEDS: dict[str, Ask] = {"openai": openai_vectors, "cohere": cohere_vectors}


@asynccontextmanager
async def behind(
    directory: Path, provider: Provider, *, scheme: str = "http"
) -> AsyncGenerator[tuple[Gateway, Simulator]]:
    async with simulator(provider, RULES) as sim:
        url = f"{scheme}://127.0.0.1:{sim.port}" + ("/v1" if provider == "openai" else "")
        settings = {**IMPATIENT, "upstream": (f"{provider}={url}",), "upstream_key": sim.credentials.key}
        if provider == "openai":
            settings |= {"upstream_model": "m", "upstream_embeddings_model": "e"}
        packs = PackModels(TEXT_MODELS.get(provider, "local-text"), VECTOR_MODELS.get(provider, "local-embeddings"))
        limits = {"input": 10_000_000, "output": 10_000_000}
        async with gateway(directory, settings=settings, packs=packs, limits=limits) as gate:
            yield gate, sim


async def cell(gate: Gateway, sim: Simulator, trouble: Trouble, *, ask: Ask) -> Exception:
    """What the client raised. The gateway must hold nothing and have booked each call once when it did."""
    before = len(await gate.usage())
    sim.clear()
    if trouble is REFUSED:
        await sim.refuse()
    elif trouble.fault is not None:
        sim.fail(trouble.fault)
    try:
        async with asyncio.timeout(CELL_SECONDS):
            answer = await ask(gate)
    except (openai.APIError, anthropic.APIError, cohere.core.ApiError) as error:
        raised = error
    else:
        raise AssertionError(f"{trouble.name} ended in an answer: {answer}")
    finally:
        if trouble is REFUSED:
            await sim.accept()
    for _ in range(100):
        if gate.held() == 0:
            break
        await asyncio.sleep(0.01)
    assert gate.held() == 0, f"{trouble.name}: something is still held"
    records = (await gate.usage())[before:]
    assert len(records) == (1 if trouble.reached else 0), f"{trouble.name}: {records}"
    return raised


def status_of(raised: Exception) -> int | None:
    status = getattr(raised, "status_code", None)
    return status if isinstance(status, int) else None


def check(raised: Exception, trouble: Trouble, *, stream: bool) -> None:
    """A stream that had begun has a status of 200 behind it: there the error event is what counts."""
    if stream and trouble.breaks:
        assert isinstance(raised, openai.APIError | anthropic.APIError), repr(raised)
        assert status_of(raised) in {None, 200, trouble.status, 500, 529}, repr(raised)
        assert "provider" in str(raised), f"{trouble.name}: it does not say whose fault it is: {raised}"
        return
    if isinstance(raised, cohere.core.ApiError):
        expected = {502: {500, 503}}.get(trouble.status, {trouble.status})
        assert status_of(raised) in expected, f"{trouble.name}: {raised!r}"
        return
    assert status_of(raised) in ({trouble.status, 529} if trouble.name == "529" else {trouble.status}), (
        f"{trouble.name}: {raised!r}"
    )
    classes = {400: "BadRequestError", 403: "PermissionDeniedError", 404: "NotFoundError", 429: "RateLimitError"}
    if trouble.status in classes:
        assert type(raised).__name__ == classes[trouble.status]
    if isinstance(raised, openai.APIError) and trouble.status >= 500:
        assert isinstance(raised, openai.InternalServerError)


def show(provider: str, rows: list[tuple[str, str, Exception]]) -> None:
    sys.stdout.write(f"\n{provider} behind:\n")
    for dialect, trouble, raised in rows:
        sys.stdout.write(f"  {dialect:17} {trouble:16} {type(raised).__name__} {status_of(raised) or ''}\n")


@pytest.mark.parametrize("dialect", CHATS)
@pytest.mark.parametrize("provider", TEXT_MODELS)
async def test_text(tmp_path: Path, provider: Provider, dialect: str) -> None:
    rows = list[tuple[str, str, Exception]]()
    async with behind(tmp_path, provider) as (gate, sim):
        await CHATS[dialect](gate)
        for trouble in (*TROUBLES, *((WRONG_CRC,) if provider == "bedrock" and "stream" in dialect else ())):
            raised = await cell(gate, sim, trouble, ask=CHATS[dialect])
            rows.append((dialect, trouble.name, raised))
            check(raised, trouble, stream="stream" in dialect)
    show(provider, rows)


@pytest.mark.parametrize("dialect", EMBEDS)
@pytest.mark.parametrize("provider", VECTOR_MODELS)
async def test_embeddings(tmp_path: Path, provider: Provider, dialect: str) -> None:
    rows = list[tuple[str, str, Exception]]()
    async with behind(tmp_path, provider) as (gate, sim):
        await EMBEDS[dialect](gate)
        for trouble in TROUBLES:
            raised = await cell(gate, sim, trouble, ask=EMBEDS[dialect])
            rows.append((dialect, trouble.name, raised))
            check(raised, trouble, stream=False)
    show(provider, rows)


@pytest.mark.parametrize("provider", [*TEXT_MODELS, "cohere"])
async def test_a_provider_without_the_tls_that_it_should_have(tmp_path: Path, provider: Provider) -> None:
    trouble = Trouble("TLS error", 502, reached=False)
    asks = EMBEDS if provider == "cohere" else CHATS
    async with behind(tmp_path, provider, scheme="https") as (gate, sim):
        for ask in asks.values():
            check(await cell(gate, sim, trouble, ask=ask), trouble, stream=False)
