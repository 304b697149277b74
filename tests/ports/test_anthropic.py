"""The adapter against the simulated Anthropic, and against answers that no simulator gives."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from packhouse.adapters.models.anthropic.adapter import VERSION, Anthropic
from packhouse.adapters.models.anthropic.answer import read_answer
from packhouse.adapters.models.http import Timeouts, UpstreamClient
from packhouse.domain.chat import (
    ChatPiece,
    ChatRequest,
    CitationDelta,
    ForeignOption,
    Message,
    PartEnd,
    StreamEnd,
    TextDelta,
    ThinkingDelta,
    Tool,
    ToolUseDelta,
    ToolUseStart,
)
from packhouse.domain.chat_part import Citation, Image, Part, Text, Thinking, ToolUse
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.simulators import Citation as SaidCitation
from packhouse.simulators import Fault, Rule, Simulator, ToolCall, Usage, simulator

pytestmark = pytest.mark.anyio

MODEL = "claude-sonnet-4-6"
TIMEOUTS = Timeouts(connect_seconds=1, first_byte_seconds=0.5, between_bytes_seconds=0.5, total_seconds=5)
USED = Usage(input=11, output=7, cache_read=3, cache_write=2)
TOKENS = ModelTokens(11, 7, 3, 2)
FULL = Rule(
    thinking="hm, pipes",
    signature="c2lnbmVk",
    redacted_thinking="aGlkZGVu",
    text="The pipe is long.",
    citations=(SaidCitation(text="long", title="pipes", document=1, start=2, end=6),),
    tool_calls=(ToolCall("look_up", {"q": "pipe"}, "toolu_a"), ToolCall("look_up", {}, "toolu_b")),
    stop="tool_use",
    usage=USED,
    pieces=3,
)
CITED = Citation(kind="characters", cited_text="long", title="pipes", document=1, start=2, end=6)


@asynccontextmanager
async def anthropic(*rules: Rule, path: str = "") -> AsyncGenerator[tuple[Anthropic, Simulator]]:
    client = UpstreamClient()
    async with simulator("anthropic", rules) as running:
        yield Anthropic(running.url + path, client=client, api_key=running.credentials.key, timeouts=TIMEOUTS), running
        client.close()


@asynccontextmanager
async def canned(body: bytes, *, kind: str = "text/event-stream", status: int = 200) -> AsyncGenerator[Anthropic]:
    """Behind it every call is answered with `body`, and the answer ends there as it should."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        lines = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(lines.encode() + body)
        await writer.drain()
        writer.close()

    client = UpstreamClient()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield Anthropic(url, client=client, api_key="k", timeouts=TIMEOUTS)
        client.close()


def asked(*parts: Part, **more: Any) -> ChatRequest:
    said = Message("user", parts or (Text("Hello"),))
    request = ChatRequest(model=MODEL, messages=(said,), output_tokens_max=99, tools=(Tool("look_up"),))
    return msgspec.structs.replace(request, **more)


def body(**more: Any) -> bytes:
    plain = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    return json.dumps(plain | more).encode()


def events(*payloads: dict[str, Any]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in payloads
    )


def sent() -> None:
    """Nothing is booked here."""


async def streamed(adapter: Anthropic, request: ChatRequest | None = None) -> list[ChatPiece]:
    return [piece async for piece in adapter.stream(request or asked(), sent)]


# neutral


async def test_a_whole_answer_says_everything() -> None:
    async with anthropic(FULL) as (adapter, _):
        answer = await adapter.answer(asked(), sent)
    assert answer.parts == (
        Thinking("hm, pipes", "c2lnbmVk"),
        Thinking("", redacted="aGlkZGVu"),
        Text("The pipe is long.", (CITED,)),
        ToolUse("toolu_a", "look_up", '{"q":"pipe"}'),
        ToolUse("toolu_b", "look_up", "{}"),
    )
    assert (answer.stop_reason, answer.tokens) == ("tool_use", TOKENS)


async def test_a_stream_says_the_same_in_pieces() -> None:
    async with anthropic(FULL) as (adapter, _):
        pieces = await streamed(adapter)
    assert pieces[-1] == StreamEnd("tool_use", TOKENS)
    thoughts = [piece for piece in pieces if isinstance(piece, ThinkingDelta)]
    assert "".join(piece.text for piece in thoughts) == "hm, pipes"
    assert [piece.signature for piece in thoughts if piece.signature] == ["c2lnbmVk"]
    assert [piece.redacted for piece in thoughts if piece.redacted] == ["aGlkZGVu"]
    texts = [piece.text for piece in pieces if isinstance(piece, TextDelta)]
    assert len(texts) > 1
    assert "".join(texts) == "The pipe is long."
    assert [piece for piece in pieces if isinstance(piece, CitationDelta)] == [CitationDelta(CITED)]
    uses = [piece for piece in pieces if isinstance(piece, ToolUseStart)]
    assert uses == [ToolUseStart(0, "toolu_a", "look_up"), ToolUseStart(1, "toolu_b", "look_up")]
    arguments = [piece for piece in pieces if isinstance(piece, ToolUseDelta)]
    assert "".join(piece.arguments for piece in arguments if piece.index == 0) == '{"q":"pipe"}'
    assert sum(isinstance(piece, PartEnd) for piece in pieces) == 5


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end", "end"),
        ("max_tokens", "length"),
        ("tool_use", "tool_use"),
        ("refusal", "refused"),
        ("pause", "paused"),
        ("context_window", "context_full"),
    ],
)
async def test_every_reason_to_stop(stop: str, reason: str) -> None:
    async with anthropic(Rule(text="x", stop=stop)) as (adapter, _):
        answer = await adapter.answer(asked(), sent)
        end = (await streamed(adapter))[-1]
    assert isinstance(end, StreamEnd)
    assert answer.stop_reason == end.stop_reason == reason


async def test_which_sequence_stopped_it() -> None:
    async with anthropic(Rule(text="one END two")) as (adapter, _):
        answer = await adapter.answer(asked(stop=("END",)), sent)
        end = (await streamed(adapter, asked(stop=("END",))))[-1]
    assert isinstance(end, StreamEnd)
    assert (
        (answer.stop_reason, answer.stop_sequence) == (end.stop_reason, end.stop_sequence) == ("stop_sequence", "END")
    )


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_the_base_url_may_end_in_the_version(path: str) -> None:
    async with anthropic(path=path) as (adapter, sim):
        await adapter.answer(asked(), sent)
        await streamed(adapter)
        await adapter.count_tokens(asked())
        paths = [call.path for call in sim.seen.calls]
    assert paths == ["/v1/messages", "/v1/messages", "/v1/messages/count_tokens"]


async def test_the_head_of_a_call() -> None:
    beta = ForeignOption("anthropic", "anthropic_beta", msgspec.Raw(b'["files-api-2025-04-14"]'))
    async with anthropic() as (adapter, sim):
        await adapter.answer(asked(options=(beta,)), sent)
        headers = sim.seen.last.headers
    assert headers["x-api-key"] == sim.credentials.key
    assert headers["anthropic-version"] == VERSION == "2023-06-01"
    assert headers["anthropic-beta"] == "files-api-2025-04-14"
    assert "authorization" not in headers


async def test_tokens_are_counted_at_the_provider() -> None:
    async with anthropic() as (adapter, _):
        few = await adapter.count_tokens(asked())
        many = await adapter.count_tokens(asked(Text("word " * 500), Image("image/png", b"\x89PNG\r\n\x1a\n")))
        answer = await adapter.answer(asked(), sent)
    assert 0 < few < many
    assert answer.tokens is not None
    assert answer.tokens.input == few


async def test_sent_is_told_once_a_call() -> None:
    told = list[str]()
    async with anthropic() as (adapter, _):
        await adapter.answer(asked(), lambda: told.append("whole"))
        async for _piece in adapter.stream(asked(), lambda: told.append("stream")):
            pass
        with pytest.raises(Refused):
            await adapter.answer(asked(presence_penalty=1.0), lambda: told.append("never"))
    assert told == ["whole", "stream"]


async def test_who_leaves_a_stream_closes_the_connection() -> None:
    async with anthropic(Rule(text="a b c d", pieces=4, piece_delay_seconds=0.2)) as (adapter, sim):
        pieces = adapter.stream(asked(), sent)
        assert await anext(pieces)
        await pieces.aclose()
        async with asyncio.timeout(5):
            while sim.seen.open_connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert sim.seen.last.ended == "client left"


# relayed


async def test_a_body_travels_as_it_is() -> None:
    asked_body = body(service_tier="auto")
    async with anthropic(FULL) as (adapter, sim):
        relayed = await adapter.relay(asked_body, sent)
        assert sim.seen.last.body == asked_body
        assert sim.seen.last.headers["anthropic-version"] == VERSION
    assert read_answer(relayed.body).tokens == TOKENS


@pytest.mark.parametrize("streaming", [False, True])
async def test_the_callers_headers_take_the_place_of_ours(*, streaming: bool) -> None:
    headers = ((b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"a,b"))
    async with anthropic() as (adapter, sim):
        if streaming:
            assert [payload async for payload in adapter.relay_stream(body(stream=True), sent, headers=headers)]
        else:
            await adapter.relay(body(), sent, headers=headers)
        seen = sim.seen.last.headers
    assert (seen["anthropic-version"], seen["anthropic-beta"]) == ("2026-10-21", "a,b")


async def test_every_event_travels_as_it_is() -> None:
    async with anthropic(FULL) as (adapter, sim):
        payloads = [payload async for payload in adapter.relay_stream(body(stream=True), sent)]
        kinds = [json.loads(payload)["type"] for payload in payloads]
        assert sim.seen.connections == 1
        await adapter.answer(asked(), sent)
        assert sim.seen.connections == 1
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert "ping" in kinds


async def test_a_stream_without_its_end_is_cut() -> None:
    begun = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
    async with canned(events(begun)) as adapter:
        payloads = adapter.relay_stream(body(), sent)
        assert json.loads(await anext(payloads)) == begun
        with pytest.raises(Refused) as caught:
            await anext(payloads)
    assert caught.value.code == "provider_cut"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("overloaded_error", "provider_failed"),
        ("api_error", "provider_failed"),
        ("rate_limit_error", "provider_throttled"),
        ("invalid_request_error", "provider_refused"),
        ("timeout_error", "provider_timeout"),
        ("something_new", "provider_failed"),
    ],
)
async def test_an_error_in_the_middle_is_raised(kind: str, code: str) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "no"}}
    async with canned(events({"type": "ping"}, error)) as adapter:
        payloads = adapter.relay_stream(body(), sent)
        assert json.loads(await anext(payloads)) == {"type": "ping"}
        with pytest.raises(Refused) as caught:
            await anext(payloads)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("answered", "kind"),
    [
        (b"{}", "text/event-stream"),
        (b"data: <html>\n\n", "text/event-stream"),
        (b'{"type":"message"}', "application/json"),
        (b'data: {"type":"content_block_start","content_block":{"type":"text"}', "text/html"),
    ],
)
async def test_what_is_no_stream_is_malformed_or_cut(answered: bytes, kind: str) -> None:
    async with canned(answered, kind=kind) as adapter:
        with pytest.raises(Refused) as caught:
            await streamed(adapter)
    assert caught.value.code in {"provider_malformed", "provider_cut"}


@pytest.mark.parametrize("answered", [b"<html>", b"{}", b'{"type":"error"}', b'{"type":"message","content":', b"\xff"])
async def test_what_is_no_message_is_malformed(answered: bytes) -> None:
    async with canned(answered, kind="application/json") as adapter:
        for call in (adapter.answer(asked(), sent), adapter.relay(body(), sent), adapter.count_tokens(asked())):
            with pytest.raises(Refused) as caught:
                await call
            assert caught.value.code == "provider_malformed"


# faults


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind="status", status=400), "provider_refused"),
        (Fault(kind="status", status=403), "provider_refused"),
        (Fault(kind="status", status=429, retry_after="3"), "provider_throttled"),
        (Fault(kind="status", status=529), "provider_failed"),
        (Fault(kind="stall", at="head"), "provider_timeout"),
        (Fault(kind="stall", after_pieces=2), "provider_timeout"),
        (Fault(kind="close", after_pieces=2), "provider_cut"),
        (Fault(kind="reset", after_pieces=2), "provider_cut"),
        (Fault(kind="malformed", after_pieces=2), "provider_malformed"),
        (Fault(kind="truncated", after_pieces=2), "provider_malformed"),
        (Fault(kind="event", status=529, code="overloaded_error"), "provider_failed"),
    ],
)
async def test_faults_end_in_their_codes(fault: Fault, code: str, *, streaming: bool) -> None:
    async with anthropic(Rule(text="a b c d e f", pieces=6, piece_delay_seconds=0.01)) as (adapter, sim):
        sim.fail(fault)
        with pytest.raises(Refused) as caught:
            await (streamed(adapter) if streaming else adapter.answer(asked(), sent))
        assert caught.value.code == code
        if fault.retry_after:
            assert caught.value.facts["retry_after_seconds"] == 3.0
        sim.clear()
        assert (await adapter.answer(asked(), sent)).text
