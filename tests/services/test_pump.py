"""Streams are read in tasks of their own: to the end where a provider bills the whole, else as far as the client."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from packhouse.domain.errors import Refused
from packhouse.services.pump import PIECES_AHEAD_MAX, Pumps

pytestmark = pytest.mark.anyio


class Source:
    """So many numbers, one for each `go`; remembers how it ended."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.count = count
        self.fails = fails
        self.made = 0
        self.ended = ""
        self.go = asyncio.Event()

    async def pieces(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.count):
                await self.go.wait()
                self.made = number + 1
                yield number
            if self.fails:
                raise Refused("provider_cut", "cut")
            self.ended = "whole"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        except GeneratorExit:
            self.ended = "closed"
            raise


async def test_pieces_come_in_order() -> None:
    source = Source(500)
    source.go.set()
    assert [piece async for piece in Pumps().pieces(source.pieces(), drain=False)] == list(range(500))
    assert source.ended == "whole"


async def test_what_ends_the_source_ends_the_pieces() -> None:
    source = Source(3, fails=True)
    source.go.set()
    got = list[int]()
    with pytest.raises(Refused, match="cut"):
        await collect(Pumps().pieces(source.pieces(), drain=True), got)
    assert got == [0, 1, 2]


@pytest.mark.parametrize(("drain", "ended"), [(True, "whole"), (False, "cancelled")])
async def test_a_client_that_goes_away_between_pieces(drain: bool, ended: str) -> None:
    source, pumps = Source(100), Pumps()
    source.go.set()
    pieces = pumps.pieces(source.pieces(), drain=drain)
    assert await anext(pieces) == 0
    source.go.clear()
    await asyncio.sleep(0)
    await pieces.aclose()
    source.go.set()
    await until(lambda: source.ended != "")
    assert source.ended == ended


@pytest.mark.parametrize(("drain", "ended"), [(True, "whole"), (False, "cancelled")])
async def test_a_client_that_goes_away_while_it_waits(drain: bool, ended: str) -> None:
    source, pumps = Source(3), Pumps()
    pieces = pumps.pieces(source.pieces(), drain=drain)
    waiting = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])
    source.go.set()
    await until(lambda: source.ended != "")
    assert source.ended == ended


async def test_a_source_is_never_far_ahead_of_its_client() -> None:
    source, pumps = Source(1000), Pumps()
    source.go.set()
    pieces = pumps.pieces(source.pieces(), drain=True)
    await anext(pieces)
    for _ in range(50):
        await asyncio.sleep(0)
    assert source.made <= PIECES_AHEAD_MAX + 2
    await pieces.aclose()
    await until(lambda: source.ended == "whole")


@pytest.mark.parametrize("drain", [True, False])
async def test_a_whole_call_goes_on_without_its_client_where_it_is_drained(drain: bool) -> None:
    pumps, ended = Pumps(), list[str]()

    async def call() -> int:
        try:
            await asyncio.sleep(0.02)
            ended.append("whole")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return 1

    async def waits() -> int:
        return await pumps.whole(call(), drain=drain)

    client = asyncio.create_task(waits())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    client.cancel()
    await asyncio.wait([client])
    await until(lambda: bool(ended))
    assert ended == ["whole" if drain else "cancelled"]


async def test_closing_ends_what_is_still_read() -> None:
    source, pumps = Source(3), Pumps()
    pieces = pumps.pieces(source.pieces(), drain=True)
    waiting = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    await pumps.close()
    assert source.ended == "cancelled"
    waiting.cancel()
    await asyncio.wait([waiting])


async def collect(pieces: AsyncGenerator[int, None], got: list[int]) -> None:
    async for piece in pieces:
        got += [piece]  # what came before a refusal is kept


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came")
