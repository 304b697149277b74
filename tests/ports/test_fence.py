"""A process that is not heard of: how long it may go on, what others take from it, what it finds when it is back."""

from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from packhouse.adapters.metering.fence import OLD, Terms
from packhouse.adapters.metering.meter import LeasedHold, LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.errors import Refused
from packhouse.domain.units import KeyId, ModelTokens, ResourceId
from packhouse.ports.meter import Call, Exhausted, Settlement
from tests.support.databases import KINDS, installed
from tests.support.installation import NOW, Installation

pytestmark = pytest.mark.anyio

LIMIT = 1_000
TERMS = Terms(lease=60_000_000)


class Node:
    """A process whose background work runs when it is told to."""

    def __init__(self, installation: Installation, clock: SetClock, *, waiting_max: int = 100) -> None:
        self.meter = LeasedMeter(
            database=installation.database,
            journals=installation.journals,
            clock=clock,
            ids=SystemIds(clock),
            waiting_max=waiting_max,
        )
        self.upkeep = Upkeep(self.meter, clock, kind="gateway", terms=TERMS)

    async def hold(self, tokens: int) -> LeasedHold | Exhausted:
        pack = await self.meter.pack(ResourceId("res_1"))
        call = Call(
            pack=pack, key_id=KeyId("key_1"), model="m", operation="embeddings", input_tokens=tokens, output_tokens=0
        )
        return await self.meter.hold(call)

    async def held(self, tokens: int) -> LeasedHold:
        hold = await self.hold(tokens)
        assert isinstance(hold, LeasedHold)
        return hold

    def settle(self, hold: LeasedHold) -> None:
        self.meter.sent(hold)
        self.meter.settle(hold, Settlement(ModelTokens(hold.call.input_tokens, 0), "reported", "ok"))


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture(params=KINDS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    with installed(request.param, tmp_path) as made:
        made.pack("res_1", "text_embedding", {"input": LIMIT})
        yield made


@asynccontextmanager
async def nodes(installation: Installation, clock: SetClock, *, count: int = 2) -> AsyncGenerator[list[Node]]:
    async with AsyncExitStack() as stack:
        made = [Node(installation, clock) for _ in range(count)]
        for node in made:
            await node.upkeep.beat()
            stack.push_async_callback(node.upkeep.stop)
        yield made


async def pass_time(clock: SetClock, *living: Node, seconds: float) -> None:
    """In steps of 5 s, with a heartbeat of those that live after each."""
    for _ in range(round(seconds / 5)):
        clock.advance(timedelta(seconds=5))
        for node in living:
            await node.upkeep.beat()


def blocks(installation: Installation) -> int:
    return installation.count("SELECT coalesce(sum(amount), 0) FROM meter_block")


async def test_who_is_given_up_keeps_what_its_calls_held_and_books_it_when_it_is_back(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock) as (lost, living):
        running = await lost.held(100)  # with more set aside than that
        await lost.upkeep.beat()
        assert blocks(installation) > 100
        await pass_time(clock, living, seconds=70)
        assert blocks(installation) == 100
        assert isinstance(await living.hold(LIMIT - 99), Exhausted)
        others = await living.held(LIMIT - 100)
        lost.settle(running)
        await lost.upkeep.beat()
        await lost.upkeep.drain()
        living.settle(others)
    assert installation.count("SELECT used FROM usage_total") == LIMIT
    assert blocks(installation) == 0


async def test_until_it_is_given_up_all_that_it_may_have_spent_stays_its_own(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock) as (lost, living):
        lost.settle(await lost.held(100))
        await lost.upkeep.drain()
        mine = blocks(installation)
        await pass_time(clock, living, seconds=50)
        assert mine > 0
        assert isinstance(await living.hold(LIMIT - 100 - mine + 1), Exhausted)
        everything = await living.held(LIMIT - 100 - mine)
        living.meter.release(everything)


async def test_without_a_heartbeat_no_call_is_admitted_after_a_sixth_of_the_lease(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock) as (cut_off, living):
        hold = await cut_off.held(10)
        clock.advance(timedelta(seconds=9))
        another = await cut_off.held(10)
        await pass_time(clock, living, seconds=5)
        with pytest.raises(Refused, match="cannot be reached") as refused:
            await cut_off.hold(10)
        assert (refused.value.code, refused.value.facts["retry_after_seconds"]) == ("unavailable", 2)
        for each in (hold, another):  # what runs goes on
            cut_off.settle(each)
        await cut_off.upkeep.beat()
        cut_off.meter.release(await cut_off.held(10))


async def test_when_the_database_was_away_from_all_nobody_is_given_up(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock) as (slow, quick):
        await slow.held(100)
        mine = blocks(installation)
        clock.advance(timedelta(seconds=300))
        await pass_time(clock, quick, seconds=5)
        assert blocks(installation) == mine
        await slow.upkeep.beat()
        assert blocks(installation) == mine


async def test_what_a_process_had_not_heard_of_itself_it_reads_before_it_goes_on(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock) as (lost, living):
        hold = await lost.held(100)
        lost.meter.release(hold)
        await lost.upkeep.beat()
        await pass_time(clock, living, seconds=70)
        everything = await living.held(LIMIT)
        # its first heartbeat reached the database, the answer did not come back
        lost.meter.database.beat(lost.meter.process_id, kind="gateway", at=TERMS.beat(clock.microseconds()), held={})
        lost.meter.line.doubts += 1
        await lost.upkeep.beat()
        assert isinstance(await lost.hold(1), Exhausted)
        living.meter.release(everything)


async def test_a_drain_whose_end_was_not_learned_is_not_taken_off_twice(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock, count=1) as (node,):
        node.settle(await node.held(100))
        mine = blocks(installation)
        drain = node.meter.database.drain

        def cut_off(*arguments: object, **named: object) -> None:
            drain(*arguments, **named)  # type: ignore[arg-type]
            raise ConnectionError

        node.meter.database.drain = cut_off  # type: ignore[method-assign]
        with pytest.raises(ConnectionError):
            await node.upkeep.drain()
        await node.upkeep.beat()
        node.meter.database.drain = drain  # type: ignore[method-assign]
        await node.upkeep.drain()
        await node.upkeep.beat()
        account = node.meter.months[next(iter(node.meter.months))]
        assert account.meters[0].leased == blocks(installation) == mine - 100
        assert installation.count("SELECT used FROM usage_total") == 100
        node.meter.release(await node.held(LIMIT - 100))


async def test_no_call_is_admitted_while_more_waits_for_the_database_than_may(
    installation: Installation, clock: SetClock
) -> None:
    node = Node(installation, clock, waiting_max=3)
    await node.upkeep.beat()
    for _ in range(3):
        node.settle(await node.held(10))
    with pytest.raises(Refused, match="cannot be reached"):
        await node.hold(10)
    await node.upkeep.drain()
    node.settle(await node.held(10))
    await node.upkeep.stop()
    assert installation.count("SELECT count(*) FROM usage_record") == 4


async def test_what_a_lost_process_held_is_forgotten_long_after_its_month(
    installation: Installation, clock: SetClock
) -> None:
    async with nodes(installation, clock, count=3) as (lost, another, living):
        await lost.held(100)
        await lost.upkeep.beat()
        await pass_time(clock, living, another, seconds=70)
        assert blocks(installation) == 100
        clock.advance(timedelta(microseconds=OLD))
        await pass_time(clock, living, seconds=70)  # `another` is given up
        assert blocks(installation) == 0
