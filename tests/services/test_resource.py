"""Resources over time: renamed, resized, ended, and what falls due."""

from datetime import datetime, timedelta

import pytest

from packhouse.domain.errors import Refused
from packhouse.domain.resource import ScheduledDowngrade
from packhouse.domain.units import ResourceId
from packhouse.services.activity import ActivityQuery
from packhouse.services.resource import Changes, ResourceView
from tests.services.conftest import House
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]
DAY = timedelta(days=1)


def month_end(view: ResourceView) -> datetime:
    assert view.month is not None
    return view.month.end_at


async def limits(house: House, resource_id: ResourceId) -> dict[str, int]:
    running = await house.services.consumption.running(house.admin, resource_id)
    return {one.meter: one.limit for one in running.meters}


async def test_deprovisioning_waits_for_the_end_of_the_bundle_month(house: House) -> None:
    resource_id = await house.provision()
    view = await house.services.resources.schedule_deprovision(house.admin, resource_id)
    assert view.status.usable
    assert view.resource.ends_at == month_end(view)
    house.clock.set(month_end(view) - DAY)
    assert await house.available() == 170
    house.clock.advance(2 * DAY)
    gone = await house.services.resources.get(house.admin, resource_id)
    assert gone.status.state == "deprovisioned"
    assert gone.resource.deprovisioned_at == month_end(view)
    assert await house.available() == 200
    with pytest.raises(Refused) as refused:
        await house.services.resources.cancel_scheduled(house.admin, resource_id)
    assert refused.value.code == "resource_inactive"


async def test_a_scheduled_end_is_cancelled(house: House) -> None:
    resource_id = await house.provision()
    view = await house.services.resources.schedule_deprovision(house.admin, resource_id)
    back = await house.services.resources.cancel_scheduled(house.admin, resource_id)
    assert back.status.scheduled is None
    house.clock.set(month_end(view) + DAY)
    assert (await house.services.resources.get(house.admin, resource_id)).status.usable
    with pytest.raises(Refused) as refused:
        await house.services.resources.cancel_scheduled(house.admin, resource_id)
    assert refused.value.code == "conflict"


async def test_an_embeddings_pack_outlives_its_knowledge_bases(house: House) -> None:
    embeddings_id = await house.embeddings()
    base_id = await house.knowledge_base(embeddings_id)
    with pytest.raises(Refused) as refused:
        await house.services.resources.schedule_deprovision(house.admin, embeddings_id)
    assert refused.value.code == "conflict"
    await house.services.resources.schedule_deprovision(house.admin, base_id)
    view = await house.services.resources.schedule_deprovision(house.admin, embeddings_id)
    with pytest.raises(Refused) as refused:
        await house.services.resources.cancel_scheduled(house.admin, base_id)
    assert refused.value.code == "conflict"
    house.clock.set(month_end(view))
    assert await house.services.lifecycle.settle(house.company.id)
    assert not await house.services.lifecycle.settle(house.company.id)
    assert await house.available() == 200


async def test_an_upgrade_is_at_once_and_adds_to_the_running_month(house: House) -> None:
    resource_id = await house.provision()
    house.clock.advance(10 * DAY)
    view = await house.services.resources.adjust_plan(house.admin, resource_id, plan="M")
    assert view.resource.plan == "M"
    assert await house.available() == 140
    assert await limits(house, resource_id) == {"input": 5_000_000, "output": 2_500_000}
    await house.provision(plan="L")
    with pytest.raises(Refused) as refused:
        await house.services.resources.adjust_plan(house.admin, resource_id, plan="L")
    assert refused.value.code == "balance_short"
    assert refused.value.facts["missing"] == 40


async def test_a_downgrade_waits_for_the_next_bundle_month(house: House) -> None:
    resource_id = await house.provision(plan="L")
    view = await house.services.resources.adjust_plan(house.admin, resource_id, plan="S")
    assert view.resource.plan == "L"
    assert isinstance(view.status.scheduled, ScheduledDowngrade)
    assert await house.available() == 80
    assert (await limits(house, resource_id))["output"] == 5_000_000
    house.clock.set(month_end(view))
    assert (await limits(house, resource_id))["output"] == 1_250_000
    assert (await house.services.resources.get(house.admin, resource_id)).resource.plan == "S"
    assert await house.available() == 170


async def test_a_cancelled_downgrade_leaves_nothing_behind(house: House) -> None:
    resource_id = await house.provision(plan="L")
    view = await house.services.resources.adjust_plan(house.admin, resource_id, plan="S")
    await house.services.resources.cancel_scheduled(house.admin, resource_id)
    house.clock.set(month_end(view))
    assert (await limits(house, resource_id))["output"] == 5_000_000
    assert await house.available() == 80


async def test_a_newer_change_replaces_the_one_before(house: House) -> None:
    resource_id = await house.provision(plan="L")
    view = await house.services.resources.adjust_plan(house.admin, resource_id, plan="S")
    assert view.notices == ()
    lower = await house.services.resources.adjust_plan(house.admin, resource_id, plan="M")
    assert [notice[:37] for notice in lower.notices] == ["This replaced the downgrade to S that"]
    ending = await house.services.resources.schedule_deprovision(house.admin, resource_id)
    assert ending.resource.ends_at == month_end(view)
    again = await house.services.resources.adjust_plan(house.admin, resource_id, plan="M")
    assert again.resource.ends_at is None
    (notice,) = again.notices
    assert notice == f"This replaced the deprovisioning that was scheduled for {month_end(view):%Y-%m-%d %H:%M} UTC."
    assert (await house.services.resources.get(house.admin, resource_id)).notices == ()
    query = ActivityQuery(company_id=house.company.id, verb="resource.scheduled_replaced")
    entries = await house.services.activity.list(house.admin, query)
    assert [dict(each.entry.deed.facts)["change"] for each in entries] == ["deprovision", "downgrade", "downgrade"]
    house.clock.set(month_end(view))
    assert await house.available() == 140


async def test_when_the_contract_ends_a_resource_ends_unless_it_is_secured(house: House) -> None:
    contract_ends_at = house.clock.now() + 365 * DAY
    house.clock.advance(10 * DAY)
    resource_id = await house.provision()
    house.clock.set(contract_ends_at)
    view = await house.services.resources.get(house.admin, resource_id)
    assert view.resource.ends_at == month_end(view)
    with pytest.raises(Refused) as refused:
        await house.services.resources.cancel_scheduled(house.admin, resource_id)
    assert refused.value.code == "contract_over"
    await house.fund(house.company, 40)
    await house.services.resources.cancel_scheduled(house.admin, resource_id)
    assert await house.available() == 10
    house.clock.advance(40 * DAY)
    assert (await house.services.resources.get(house.admin, resource_id)).status.usable


async def test_a_gone_knowledge_base_is_erased_by_a_job(house: House) -> None:
    base_id = await house.knowledge_base(await house.embeddings())
    view = await house.services.resources.schedule_deprovision(house.admin, base_id)
    house.clock.set(month_end(view))
    await house.services.lifecycle.settle(house.company.id)
    entries = await house.services.activity.list(
        house.admin, house.activity(resource_id=base_id, verb="resource.deprovisioned")
    )
    assert [one.actor for one in entries] == ["system"]


async def test_renaming_is_for_internal_members(house: House) -> None:
    resource_id = await house.provision()
    colleague = await house.user("dev@example.com")
    with pytest.raises(Refused) as refused:
        await house.services.resources.change(colleague, resource_id, changes=Changes(display_name="Mine"))
    assert refused.value.code == "not_found"
    await house.services.team.add(house.admin, resource_id, email="dev@example.com")
    view = await house.services.resources.change(
        colleague, resource_id, changes=Changes(display_name="Ours", environment="test")
    )
    assert (view.resource.display_name, view.resource.environment) == ("Ours", "test")
    with pytest.raises(Refused) as refused:
        await house.services.resources.schedule_deprovision(colleague, resource_id)
    assert refused.value.code == "forbidden"


async def test_a_model_changes_within_its_family_and_region(house: House) -> None:
    for terms in ("aws-bedrock", "anthropic"):
        await house.services.terms.accept(house.admin, house.company.id, terms_id=terms, version="1")
    resource_id = await house.provision(model="claude-sonnet-4-5")
    view = await house.services.resources.change(house.admin, resource_id, changes=Changes(model="claude-sonnet-4-6"))
    assert (view.resource.model, view.resource.cri) == ("claude-sonnet-4-6", True)
    for model, code in (
        ("claude-3-sonnet", "model_not_in_region"),
        ("local-text", "model_unknown"),
        ("x", "model_unknown"),
    ):
        with pytest.raises(Refused) as refused:
            await house.services.resources.change(house.admin, resource_id, changes=Changes(model=model))
        assert refused.value.code == code


async def test_lists(house: House) -> None:
    first, second = await house.provision(), await house.provision(display_name="Other")
    colleague = await house.user("dev@example.com")
    assert await house.services.resources.list(colleague) == []
    await house.services.team.add(house.admin, second, email="dev@example.com")
    for views in (
        await house.services.resources.list(colleague),
        await house.services.resources.list(colleague, company_id=house.company.id),
    ):
        assert [one.resource.id for one in views] == [second]
    all_ = await house.services.resources.list(house.operator, company_id=house.company.id)
    assert [one.resource.id for one in all_] == [first, second]
    rival, stranger = await house.rival()
    assert await house.services.resources.list(stranger, company_id=rival.id) == []
    with pytest.raises(Refused) as refused:
        await house.services.resources.list(stranger, company_id=house.company.id)
    assert refused.value.code == "not_found"


async def test_a_fallback_model_is_of_the_same_family_and_region(house: House) -> None:
    for terms in ("aws-bedrock", "anthropic"):
        await house.services.terms.accept(house.admin, house.company.id, terms_id=terms, version="1")
    resource_id = await house.provision(model="claude-sonnet-4-6")
    change = house.services.resources.change
    view = await change(house.admin, resource_id, changes=Changes(fallback_model="claude-sonnet-4-5"))
    assert view.resource.fallback_model == "claude-sonnet-4-5"
    assert (await house.services.resources.get(house.admin, resource_id)).resource == view.resource
    for model, code in (("claude-3-sonnet", "model_not_in_region"), ("local-text", "model_unknown")):
        with pytest.raises(Refused) as refused:
            await change(house.admin, resource_id, changes=Changes(fallback_model=model))
        assert refused.value.code == code
    view = await change(house.admin, resource_id, changes=Changes(fallback_model=""))
    assert view.resource.fallback_model == ""
