"""Who a call is accounted to, whatever was tried for it, and what a change of plan does to a quota."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from packhouse.adapters.metering.meter import LeasedHold, LeasedMeter
from packhouse.adapters.metering.upkeep import Upkeep
from packhouse.adapters.models.balanced.adapter import BalancedText
from packhouse.adapters.models.balanced.targets import Retries, Target, Targets
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.knowledge import Chunk
from packhouse.domain.units import KeyId, ModelTokens, ResourceId
from packhouse.ports.meter import Call, Exhausted
from packhouse.ports.models import TextModel
from packhouse.services.search import SearchRequest
from tests.ports.test_balanced import Flaky, refused
from tests.services.conftest import House
from tests.services.test_fallback import OTHER, OWN, REQUEST, Provider
from tests.services.test_fallback import house as fallback_house
from tests.support.databases import KINDS
from tests.support.installation import Installation
from tests.support.knowledge import knowledge_house

pytestmark = pytest.mark.anyio


def accounted(installation: Installation) -> list[tuple[object, ...]]:
    """By the day: pack, key, model, calls, and tokens; the same must stand in the records and on the meters."""
    columns = "resource_id, key_id, model, sum(calls), sum(input), sum(output)"
    days = installation.sql(f"SELECT {columns} FROM usage_day GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    hours = installation.sql(f"SELECT {columns} FROM usage_hour GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    counted = columns.replace("sum(calls)", "count(*)")
    records = installation.sql(f"SELECT {counted} FROM usage_record GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    assert days == hours == records
    return days


async def test_a_call_that_was_tried_again_is_one_call(tmp_path: Path) -> None:
    flaky = Flaky(refused("provider_throttled"), refused("provider_failed"))
    targets = Targets[TextModel]([Target(flaky, 1.0)], retries=Retries(first_seconds=0.0), dice=Random(1))
    async with fallback_house(tmp_path, BalancedText(targets)) as packs:  # type: ignore[arg-type]
        await packs.chat.answer(packs.spender, REQUEST)
        assert flaky.calls == 3
        assert await packs.records() == [(OWN, 1, 3, "reported", "ok")]
        assert accounted(packs.installation) == [("res_text", "key_1", OWN, 1, 1, 3)]


async def test_a_fallback_is_accounted_to_the_call_that_needed_it(tmp_path: Path) -> None:
    async with fallback_house(tmp_path, Provider("provider_failed")) as packs:
        await packs.chat.answer(packs.spender, REQUEST)
        await packs.upkeep.drain()
        assert accounted(packs.installation) == [("res_text", "key_1", OTHER, 1, 1, 2)]
        totals = packs.installation.sql("SELECT resource_id, meter, used FROM usage_total ORDER BY meter")
        assert totals == [("res_text", "input", 1), ("res_text", "output", 2)]


async def test_a_knowledge_base_embeds_on_its_linked_pack(tmp_path: Path) -> None:
    async with knowledge_house(tmp_path) as house:
        await house.chunks.insert(house.base, "default", chunks=[Chunk(id="owl", text="The owl hunts by night.")])
        await house.search.search(house.base, SearchRequest(text="who hunts", max_results=1))
        tokens = await house.tokens()
        assert tokens > 0
        assert accounted(house.installation) == [("res_embed", "key_1", "local-embeddings", 2, tokens, 0)]
        totals = house.installation.sql("SELECT resource_id, meter, used FROM usage_total")
        assert totals == [("res_embed", "input", tokens)]
        counts = house.installation.sql("SELECT resource_id, searches, inserts, chunks FROM knowledge_hour")
        assert counts == [("res_base", 1, 1, 1)]


@asynccontextmanager
async def metering(house: House) -> AsyncGenerator[LeasedMeter]:
    place, journals = house.installation.database, house.installation.journals
    meter = LeasedMeter(database=place, journals=journals, clock=house.clock, ids=SystemIds(house.clock))
    upkeep = Upkeep(meter, house.clock, kind="gateway")
    await upkeep.start()
    try:
        yield meter
    finally:
        await upkeep.stop()


async def fits(meter: LeasedMeter, resource_id: ResourceId, input_tokens: int) -> bool:
    """Whether a call of so many input tokens is admitted; it is not made."""
    call = Call(
        pack=await meter.pack(resource_id),
        key_id=KeyId("key_1"),
        model="local-text",
        operation="chat",
        input_tokens=input_tokens,
        output_tokens=0,
    )
    hold = await meter.hold(call)
    if isinstance(hold, Exhausted):
        return False
    assert isinstance(hold, LeasedHold)
    meter.release(hold)
    return True


@pytest.mark.parametrize("installation", KINDS, indirect=True)
async def test_an_upgrade_adds_at_once_and_a_downgrade_with_the_next_bundle_month(house: House) -> None:
    resource_id = await house.provision()
    view = await house.services.resources.get(house.admin, resource_id)
    assert view.month is not None
    async with metering(house) as meter:
        assert await fits(meter, resource_id, 2_500_000)
        assert not await fits(meter, resource_id, 2_500_001)
        await house.services.resources.adjust_plan(house.admin, resource_id, plan="M")
        assert await fits(meter, resource_id, 5_000_000)
        assert not await fits(meter, resource_id, 5_000_001)
        await house.services.resources.adjust_plan(house.admin, resource_id, plan="S")
        assert await fits(meter, resource_id, 5_000_000)
    house.clock.set(view.month.end_at - timedelta(seconds=1))
    async with metering(house) as meter:
        assert await fits(meter, resource_id, 5_000_000)
        house.clock.set(view.month.end_at)
        assert not await fits(meter, resource_id, 2_500_001)
        assert await fits(meter, resource_id, 2_500_000)


@pytest.mark.parametrize("installation", KINDS, indirect=True)
async def test_what_is_counted_in_a_month_stays_as_it_was_counted_though_the_catalog_changes(house: House) -> None:
    resource_id = await house.provision()
    # it was bought from a catalog that counted a hundred for each token
    house.installation.sql(
        "UPDATE resource_limit SET input_weight = input_weight * 100, output_weight = output_weight * 100,"
        " cache_read_weight = cache_read_weight * 100, cache_write_weight = cache_write_weight * 100,"
        " limit_amount = limit_amount * 100"
    )
    view = await house.services.resources.adjust_plan(house.admin, resource_id, plan="M")
    assert view.month is not None
    async with house.context.reading(house.admin) as act:
        running = await act.work.resources.limits(resource_id, view.month.start_at)
        later = await act.work.resources.limits(resource_id, view.month.end_at)
    assert [(one.weights.amount(ModelTokens(1, 1)), one.limit) for one in running] == [
        (100, 5 * 10**8),
        (100, 25 * 10**7),
    ]
    assert [(one.weights.amount(ModelTokens(1, 1)), one.limit) for one in later] == [(1, 5 * 10**6), (1, 25 * 10**5)]
