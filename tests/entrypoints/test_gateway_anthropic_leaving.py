"""Clients that go away in mid-stream: the provider is read to its end, and what it reported is booked."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from packhouse.simulators import Provider, Rule, Usage
from tests.support.anthropic_gateway import Behind, behind

pytestmark = pytest.mark.anyio

SLOW = Rule(text="one two three four five", pieces=5, piece_delay_seconds=0.05, usage=Usage(input=30, output=9))
ASKED: Any = {"model": "default", "max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}


async def settled(to: Behind) -> list[tuple[object, ...]]:
    async with asyncio.timeout(10):
        while to.gate.held() or not (booked := await to.booked()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return booked


@pytest.mark.parametrize("provider", ["anthropic", "bedrock"])
async def test_who_bills_the_whole_answer_is_read_to_its_end(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider, SLOW) as to:
        async with to.client.messages.stream(**ASKED) as stream:
            async for _ in stream.text_stream:
                break
        assert await settled(to) == [(30, 9, 0, 0, "reported", "ok")]
        assert to.sim.seen.last.ended == "whole"


@pytest.mark.parametrize("provider", ["anthropic", "bedrock"])
async def test_a_plain_call_that_nobody_waits_for_is_booked_all_the_same(tmp_path: Path, provider: Provider) -> None:
    async with behind(tmp_path, provider, SLOW) as to:
        call = asyncio.create_task(to.client.messages.create(**ASKED))
        while not to.calls:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        call.cancel()
        assert await settled(to) == [(30, 9, 0, 0, "reported", "ok")]


async def test_others_are_stopped_and_booked_at_what_came(tmp_path: Path) -> None:
    async with behind(tmp_path, "openai", SLOW) as to:
        async with to.client.messages.stream(**ASKED) as stream:
            async for _ in stream.text_stream:
                break
        ((sent, output, _, _, source, outcome),) = await settled(to)
        assert (source, outcome) == ("estimated", "cancelled")
        assert isinstance(output, int)
        assert 0 < output <= 500
        assert isinstance(sent, int)
        assert 14 <= sent <= 60  # it was 14: not the hundreds of tokens that it was held at
        assert to.sim.seen.last.ended == "client left"
