"""What is done in knowledge bases is counted once: after a crash, after an answer that was lost, made anew."""

from collections.abc import Generator
from pathlib import Path

import pytest

from packhouse.adapters.database.connection import connect
from packhouse.adapters.metering.meter import LeasedMeter
from packhouse.adapters.metering.recount import Difference, recount
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.units import ResourceId, microseconds
from tests.support.databases import KINDS, installed
from tests.support.installation import NOW, Installation

pytestmark = pytest.mark.anyio

HOUR_AT = microseconds(NOW.replace(minute=0, second=0))
DONE = ("res_kb", HOUR_AT, 2, 1, 40, 9_000)
"""Two searches and an insert of 40 chunks."""


@pytest.fixture(params=KINDS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    with installed(request.param, tmp_path) as made:
        made.pack("res_kb", "knowledge_base", {})
        yield made


class Process:
    """A meter whose background work runs when it is told to."""

    def __init__(self, installation: Installation) -> None:
        clock = SetClock(NOW)
        self.meter = LeasedMeter(
            database=installation.database, journals=installation.journals, clock=clock, ids=SystemIds(clock)
        )
        self.upkeep = Upkeep(self.meter, clock, kind="gateway")

    async def work(self) -> None:
        await self.upkeep.beat()
        pack = await self.meter.pack(ResourceId("res_kb"))
        for _ in range(2):
            self.meter.count(pack, searches=1)
        self.meter.count(pack, inserts=1, chunks=40, bytes_=9_000)


def hours(installation: Installation) -> list[tuple[object, ...]]:
    return installation.sql("SELECT * FROM knowledge_hour")


async def test_what_was_done_is_counted_when_the_meter_stops(installation: Installation) -> None:
    process = Process(installation)
    await process.work()
    await process.upkeep.stop()
    assert hours(installation) == [DONE]
    assert list(installation.journals.iterdir()) == []


@pytest.mark.parametrize("drained", [False, True])
async def test_a_process_that_is_killed_loses_no_count_and_none_is_counted_twice(
    installation: Installation, *, drained: bool
) -> None:
    dead = Process(installation)
    await dead.work()
    if drained:
        await dead.upkeep.drain()
    dead.meter.journal.abandon()
    dead.meter.database.close()
    heir = Process(installation)
    for _ in range(2):
        await heir.upkeep.beat()
    assert hours(installation) == [DONE]
    await heir.upkeep.stop()
    assert list(installation.journals.iterdir()) == []


async def test_counts_whose_commit_was_not_heard_of_are_counted_once(installation: Installation) -> None:
    process = Process(installation)
    await process.work()
    drain = process.meter.database.drain

    def cut_off(*arguments: object, **named: object) -> None:
        drain(*arguments, **named)  # type: ignore[arg-type]
        raise ConnectionError

    process.meter.database.drain = cut_off  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await process.upkeep.drain()
    process.meter.database.drain = drain  # type: ignore[method-assign]
    await process.upkeep.stop()
    assert hours(installation) == [DONE]


async def test_the_sums_of_counts_are_made_anew(installation: Installation) -> None:
    process = Process(installation)
    await process.work()
    await process.upkeep.stop()
    sql = connect(installation.database, durable=True)
    assert recount(sql, "res_kb", mend=False) == []
    installation.sql("UPDATE knowledge_hour SET searches = searches + 3, chunks = 0")
    installation.sql("INSERT INTO knowledge_hour VALUES ('res_kb', ?, 1, 0, 0, 0)", HOUR_AT + 3_600_000_000)
    assert recount(sql, "res_kb", mend=True) == [Difference("res_kb", "knowledge_hour", 2)]
    assert hours(installation) == [DONE]
    assert recount(sql, "res_kb", mend=True) == []
    sql.close()
