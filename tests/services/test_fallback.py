"""A resource's fallback model: asked where the provider of its own fails before it has worked, on the same hold."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.metering.meter import LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.models.scripted import Script, Scripted
from packhouse.adapters.outside.clock import SystemClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest, Message, StreamEnd, TextDelta
from packhouse.domain.chat_part import Text
from packhouse.domain.errors import Refused
from packhouse.ports.models import Sent
from packhouse.services.chat import Chat, Spender
from packhouse.services.gate import Gate
from packhouse.services.models import Adapters, Models
from packhouse.services.pump import Pumps
from tests.support.installation import Installation, install

pytestmark = pytest.mark.anyio

OWN, OTHER = "claude-sonnet-4-6", "claude-sonnet-4-5"


class Provider:
    """Refuses the calls of its newest model, after so many pieces; answers those of the others."""

    def __init__(self, code: str, *, after_pieces: int = 0) -> None:
        self._code = code
        self._after = after_pieces
        self._model = Scripted(Script(text="one two"))
        self.asked = list[tuple[str, int | None]]()

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        self.asked.append((request.model, request.output_tokens_max))
        if OWN in request.model:
            sent()
            raise Refused(self._code, "not now")
        return await self._model.answer(request, sent)

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        self.asked.append((request.model, request.output_tokens_max))
        if OWN in request.model:
            sent()
            for _ in range(self._after):
                yield TextDelta("begun ")
            raise Refused(self._code, "not now")
        async for piece in self._model.stream(request, sent):
            yield piece


@dataclass
class House:
    installation: Installation
    upkeep: Upkeep
    chat: Chat
    spender: Spender
    provider: Provider

    async def records(self) -> list[tuple[object, ...]]:
        await self.upkeep.drain()
        return self.installation.sql("SELECT model, input, output, source, outcome FROM usage_record")


@asynccontextmanager
async def house(directory: Path, provider: Provider, *, fallback: str = OTHER) -> AsyncGenerator[House]:
    installation = install(directory)
    installation.pack("res_text", "text_generation", {"input": 100_000, "output": 50_000}, model=OWN)
    installation.sql("UPDATE resource SET fallback_model = ?", fallback)
    key = installation.key("key_1", "res_text")
    clock = SystemClock()
    ids = SystemIds(clock)
    meter = LeasedMeter(database=installation.database, journals=installation.journals, clock=clock, ids=ids)
    upkeep = Upkeep(meter, clock, kind="gateway")
    await upkeep.start()
    models = Models(read_catalog(None), clock, adapters=Adapters(text={("bedrock", "eu-central-1"): provider}))
    pumps = Pumps()
    chat = Chat(Gate(meter), models, pumps=pumps)
    access = await meter.access(key)
    yield House(installation, upkeep, chat, Spender(access.pack("text_generation"), access.key_id), provider)
    await pumps.close()
    await upkeep.stop()


REQUEST = ChatRequest(model="default", messages=(Message("user", (Text("hello"),)),), output_tokens_max=100)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("code", ["provider_unreachable", "provider_throttled", "provider_failed"])
async def test_the_other_model_answers_and_the_record_names_it(tmp_path: Path, code: str, stream: bool) -> None:
    async with house(tmp_path, Provider(code)) as packs:
        if stream:
            pieces = [piece async for piece in await packs.chat.stream(packs.spender, REQUEST)]
            assert isinstance(pieces[-1], StreamEnd)
            assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == "one two"
        else:
            answered = await packs.chat.answer(packs.spender, REQUEST)
            assert (answered.answer.text, answered.model) == ("one two", OTHER)
        assert [name for name, _ in packs.provider.asked] == [
            "eu.anthropic.claude-sonnet-4-6",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ]
        assert await packs.records() == [(OTHER, 1, 2, "reported", "ok")]


@pytest.mark.parametrize("code", ["provider_timeout", "provider_cut", "provider_refused", "context_exceeded"])
async def test_what_may_be_billed_or_is_the_callers_goes_nowhere_else(tmp_path: Path, code: str) -> None:
    async with house(tmp_path, Provider(code)) as packs:
        with pytest.raises(Refused) as no:
            await packs.chat.answer(packs.spender, REQUEST)
        assert (no.value.code, len(packs.provider.asked)) == (code, 1)
        assert [row[0] for row in await packs.records()] == [OWN]


async def test_a_stream_that_was_heard_is_not_begun_anew(tmp_path: Path) -> None:
    async with house(tmp_path, Provider("provider_failed", after_pieces=2)) as packs:
        stream = await packs.chat.stream(packs.spender, REQUEST)
        assert [await anext(stream), await anext(stream)] == [TextDelta("begun "), TextDelta("begun ")]
        with pytest.raises(Refused, match="not now"):
            await anext(stream)
        assert len(packs.provider.asked) == 1
        assert [row[3:] for row in await packs.records()] == [("estimated", "failed")]


@pytest.mark.parametrize("fallback", ["", OWN, "local-text", "claude-3-sonnet", "gone"])
async def test_without_one_that_can_be_asked_the_refusal_stands(tmp_path: Path, fallback: str) -> None:
    async with house(tmp_path, Provider("provider_failed"), fallback=fallback) as packs:
        with pytest.raises(Refused, match="not now"):
            await packs.chat.answer(packs.spender, REQUEST)
        assert len(packs.provider.asked) == 1
