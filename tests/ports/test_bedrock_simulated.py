"""The adapter against the simulated Bedrock, which checks signatures, bodies and ids as the service does."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.bedrock.adapter import Bedrock
from packhouse.adapters.models.bedrock.credentials import BearerKey, Credentials
from packhouse.adapters.models.bedrock.signature import StaticKeys
from packhouse.adapters.models.http import Timeouts, UpstreamClient
from packhouse.adapters.outside.clock import SystemClock
from packhouse.domain.chat import (
    ChatAnswer,
    ChatPiece,
    ChatRequest,
    CitationDelta,
    Message,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    Tool,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import (
    CachePoint,
    Document,
    Image,
    Part,
    Text,
    Thinking,
    ToolUse,
    text_result,
)
from packhouse.domain.embedding import EmbedInput, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.simulators import Citation as SaidCitation
from packhouse.simulators import Credentials as Opens
from packhouse.simulators import Fault, Rule, Simulator, ToolCall, Usage, simulator

pytestmark = pytest.mark.anyio

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
TIMEOUTS = Timeouts(connect_seconds=1, first_byte_seconds=0.5, between_bytes_seconds=0.5, total_seconds=5)
PNG = b"\x89PNG\r\n\x1a\n"


@asynccontextmanager
async def bedrock(
    *rules: Rule, opens: Opens | None = None, credentials: Credentials | None = None
) -> AsyncGenerator[tuple[Bedrock, Simulator]]:
    client = UpstreamClient()
    async with simulator("bedrock", rules, credentials=opens) as running:
        own = running.credentials
        adapter = Bedrock(
            "eu-central-1",
            client=client,
            credentials=credentials or StaticKeys(own.access_key, own.secret_key, own.session_token),
            clock=SystemClock(),
            endpoint_url=running.url,
            timeouts=TIMEOUTS,
        )
        yield adapter, running
        client.close()


def asked(*parts: Part, **more: Any) -> ChatRequest:
    said = Message("user", parts or (Text("Hello"),))
    return msgspec.structs.replace(ChatRequest(model=CLAUDE, messages=(said,), output_tokens_max=99), **more)


def sent() -> None:
    """Nothing is booked here."""


async def streamed(adapter: Bedrock) -> list[ChatPiece]:
    return [piece async for piece in adapter.stream(asked(), sent)]


async def both(adapter: Bedrock, request: ChatRequest) -> tuple[ChatAnswer, list[ChatPiece]]:
    return await adapter.answer(request, sent), [piece async for piece in adapter.stream(request, sent)]


async def test_signed_requests_are_let_in() -> None:
    for opens in (Opens(), Opens(session_token="a-session-token")):
        async with bedrock(opens=opens) as (adapter, running):
            answer, pieces = await both(adapter, asked())
            assert answer.text == "Hello"
            assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == "Hello"
            assert isinstance(pieces[-1], StreamEnd)
            assert answer.tokens == pieces[-1].tokens
            assert [call.status for call in running.seen.calls] == [200, 200]


@pytest.mark.parametrize("keys", [StaticKeys("AKIA0", "wrong"), BearerKey("wrong")])
async def test_wrong_keys_are_not(keys: Credentials) -> None:
    async with bedrock(credentials=keys) as (adapter, _):
        with pytest.raises(Refused) as caught:
            await adapter.answer(asked(), sent)
        assert caught.value.code in ("provider_refused", "provider_failed")


async def test_a_bearer_key_is_let_in() -> None:
    async with bedrock(opens=Opens(key="ABSK1"), credentials=BearerKey("ABSK1")) as (adapter, _):
        assert (await adapter.answer(asked(), sent)).text == "Hello"


async def test_a_conversation_with_everything_in_it() -> None:
    messages = (
        Message("system", (Text("Be brief."), CachePoint())),
        Message("user", (Text("Look"), Image("image/png", PNG), Document("text/plain", b"words", name="a_b.txt"))),
        Message("assistant", (Thinking("Hm", "c2lnbmF0dXJl"), ToolUse("call|1", "look", ""))),
        Message("tool", (text_result("call|1", "seen"),)),
        Message("user", (Text(" "), Document(blocks=("one", "two"), citable=True), Text("And?"))),
    )
    async with bedrock() as (adapter, running):
        await both(adapter, asked(messages=messages, tools=(Tool("look"),), stop=("END",)))
        await both(adapter, asked(messages=messages))
        assert {call.status for call in running.seen.calls} == {200}


async def test_everything_that_comes_back() -> None:
    rule = Rule(
        text="From the document.",
        thinking="Let me see.",
        signature="c2lnbmF0dXJl",
        citations=(SaidCitation(text="document", title="D", start=3, end=9),),
        tool_calls=(ToolCall("f", {"a": 1}), ToolCall("g", {})),
        usage=Usage(input=5, output=4, cache_read=3, cache_write=2),
    )
    tokens = ModelTokens(5, 4, 3, 2)
    async with bedrock(rule) as (adapter, _):
        cited = Document("text/plain", b"words", name="D", citable=True)
        answer, pieces = await both(adapter, asked(cited, Text("?"), tools=(Tool("f"), Tool("g"))))
    assert (answer.tokens, answer.stop_reason, answer.text) == (tokens, "tool_use", "From the document.")
    assert [part for part in answer.parts if isinstance(part, Thinking)] == [Thinking("Let me see.", "c2lnbmF0dXJl")]
    uses = [part for part in answer.parts if isinstance(part, ToolUse)]
    assert [(use.name, msgspec.json.decode(use.arguments or "{}")) for use in uses] == [("f", {"a": 1}), ("g", {})]
    citations = [each for part in answer.parts if isinstance(part, Text) for each in part.citations]
    assert [(each.cited_text, each.start, each.end) for each in citations] == [("document", 3, 9)]
    assert isinstance(pieces[-1], StreamEnd)
    assert (pieces[-1].tokens, pieces[-1].stop_reason) == (tokens, "tool_use")
    assert [piece.citation for piece in pieces if isinstance(piece, CitationDelta)] == citations
    assert "".join(piece.text for piece in pieces if isinstance(piece, ThinkingDelta)) == "Let me see."
    assert "".join(piece.signature for piece in pieces if isinstance(piece, ThinkingDelta)) == "c2lnbmF0dXJl"
    assert [(piece.index, piece.name) for piece in pieces if isinstance(piece, ToolUseStart)] == [(0, "f"), (1, "g")]
    arguments = {0: "", 1: ""}
    for piece in pieces:
        if isinstance(piece, ToolUseDelta):
            arguments[piece.index] += piece.arguments
    assert [msgspec.json.decode(each or "{}") for each in arguments.values()] == [{"a": 1}, {}]


async def test_counting() -> None:
    async with bedrock() as (adapter, running):
        counted = await adapter.count_tokens(asked(Text("How many?")))
        answer = await adapter.answer(asked(Text("How many?")), sent)
        assert running.seen.calls[0].path.endswith("/count-tokens")
    assert answer.tokens is not None
    assert counted == answer.tokens.input


async def test_embeddings() -> None:
    async with bedrock() as (adapter, running):
        for model, dimensions in (("cohere.embed-multilingual-v3", 1024), ("eu.cohere.embed-v4:0", 1536)):
            answer = await adapter.embed(EmbedRequest(model=model, inputs=("a",) * 100, types=("float", "int8")), sent)
            assert (len(answer.vectors), answer.dimensions, answer.typed[0].type) == (100, dimensions, "int8")
            assert answer.tokens is not None
        both_ = EmbedInput((Text("a"), Image("image/png", PNG)))
        request = EmbedRequest(model="eu.cohere.embed-v4:0", inputs=(both_, "b"), dimensions=256)
        assert (await adapter.embed(request, sent)).dimensions == 256
        assert {call.status for call in running.seen.calls} == {200}


FAULTS = [
    (Fault(kind="status", status=400), "provider_refused"),
    (Fault(kind="status", status=400, code="ServiceQuotaExceededException"), "provider_throttled"),
    (Fault(kind="status", status=400, message="Input is too long for requested model."), "context_exceeded"),
    (Fault(kind="status", status=403), "provider_refused"),
    (Fault(kind="status", status=403, code="ExpiredTokenException"), "provider_failed"),
    (Fault(kind="status", status=404), "provider_refused"),
    (Fault(kind="status", status=408), "provider_timeout"),
    (Fault(kind="status", status=424), "provider_failed"),
    (Fault(kind="status", status=429), "provider_throttled"),
    (Fault(kind="status", status=429, retry_after="3"), "provider_throttled"),
    (Fault(kind="status", status=500), "provider_failed"),
    (Fault(kind="status", status=503), "provider_failed"),
    (Fault(kind="stall", at="head"), "provider_timeout"),
    (Fault(kind="stall"), "provider_timeout"),
    (Fault(kind="close", at="head"), "provider_cut"),
    (Fault(kind="close"), "provider_cut"),
    (Fault(kind="reset"), "provider_cut"),
    (Fault(kind="malformed"), "provider_malformed"),
    (Fault(kind="truncated"), "provider_malformed"),
]
IN_STREAMS = [
    (Fault(kind="crc"), "provider_malformed"),
    (Fault(kind="event", code="throttlingException"), "provider_throttled"),
    (Fault(kind="event", code="modelStreamErrorException"), "provider_failed"),
    (Fault(kind="event", code="internalServerException"), "provider_failed"),
    (Fault(kind="event", code="validationException"), "provider_refused"),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS + IN_STREAMS, ids=lambda each: str(getattr(each, "kind", each)))
async def test_faults(fault: Fault, code: str) -> None:
    rule = Rule(text="one two three four five six", pieces=6)
    async with bedrock(rule) as (adapter, running):
        running.fail(fault)
        with pytest.raises(Refused) as caught:
            await streamed(adapter)
        assert caught.value.code == code
        assert caught.value.facts.get("retry_after_seconds") == (3.0 if fault.retry_after else None)
        if (fault, code) in FAULTS:
            with pytest.raises(Refused) as caught:
                await adapter.answer(asked(), sent)
            assert caught.value.code == code
        running.clear()
        assert (await adapter.answer(asked(), sent)).text == "one two three four five six"
