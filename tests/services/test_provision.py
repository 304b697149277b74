"""Provisioning: the price before, the resource after, and every reason for a no."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from packhouse.adapters.sql.store import SqlStore
from packhouse.domain.catalog import openai_compatible_model
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource
from packhouse.services.control import control
from packhouse.services.order import EmbeddingsOrder
from tests.services.conftest import House, context_on
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]


async def refusal(house: House, **changes: object) -> Refused:
    """Preview and provision refuse alike."""
    order = house.order(**changes)
    with pytest.raises(Refused) as previewed:
        await house.services.provisioning.preview(house.admin, order)
    with pytest.raises(Refused) as provisioned:
        await house.services.provisioning.provision(house.admin, order)
    assert previewed.value.code == provisioned.value.code
    return provisioned.value


async def test_a_preview_shows_price_and_balance_and_makes_nothing(house: House) -> None:
    shown = await house.services.provisioning.preview(house.admin, house.order(plan="M"))
    assert shown.price_cloud_tokens == 60
    assert (shown.available_before_cloud_tokens, shown.available_after_cloud_tokens) == (200, 140)
    assert await house.available() == 200
    assert not await house.services.resources.list(house.admin, company_id=house.company.id)


async def test_a_text_pack_is_active_at_once_with_its_limits(house: House) -> None:
    member = await house.user("dev@example.com")
    resource_id = await house.provision(created_for_email="Dev@example.com", created_for_name="Dev")
    view = await house.services.resources.get(member, resource_id)
    assert view.status.usable
    assert view.models == ("local-text",)
    assert view.month is not None
    assert view.month.start_at == house.clock.now()
    consumption = await house.services.consumption.running(member, resource_id)
    assert [(one.meter, one.limit, one.used) for one in consumption.meters] == [
        ("input", 2_500_000, 0),
        ("output", 1_250_000, 0),
    ]
    members = await house.services.team.members(house.admin, resource_id)
    assert [one.user.email for one in members] == ["admin@example.com", "dev@example.com"]
    assert await house.available() == 170


async def test_a_knowledge_base_makes_its_embeddings_pack_on_the_way(house: House) -> None:
    order = house.order(
        type="knowledge_base",
        display_name="Handbook",
        model="",
        plan="Standard",
        embeddings=EmbeddingsOrder(display_name="Vectors", model="local-embeddings", plan="S"),
    )
    shown = await house.services.provisioning.preview(house.admin, order)
    assert [(line.type, line.display_name) for line in shown.lines] == [
        ("embeddings", "Vectors"),
        ("knowledge_base", "Handbook"),
    ]
    assert shown.price_cloud_tokens == 54
    view = await house.services.provisioning.provision(house.admin, order)
    linked_id = view.resource.embeddings_resource_id
    assert linked_id is not None
    linked = await house.services.resources.get(house.admin, linked_id)
    assert linked.linked == (view.resource.id,)
    assert (await house.services.consumption.running(house.admin, view.resource.id)).disk_bytes_max == 10 * 1024**3
    lines = await house.services.entitlements.transactions(house.admin, house.company.id)
    assert [(one.subject, one.line.transaction.entry.pack, one.line.remaining_cloud_tokens) for one in lines] == [
        ("C", "", 200),
        ("Vectors", "Embeddings S", 194),
        ("Handbook", "Knowledge base Standard", 146),
    ]


async def test_where_one_of_two_packs_cannot_be_paid_neither_is_made(house: House) -> None:
    await house.provision(plan="L")
    await house.provision(plan="S")
    embeddings = EmbeddingsOrder(display_name="Vectors", model="local-embeddings", plan="S")
    refused = await refusal(
        house, type="knowledge_base", display_name="KB", model="", plan="Standard", embeddings=embeddings
    )
    assert refused.code == "balance_short"
    assert len(await house.services.resources.list(house.admin, company_id=house.company.id)) == 2
    assert await house.available() == 50


async def test_reasons_for_a_no(house: House) -> None:
    assert (await refusal(house, region="ca-central-1")).code == "region_not_offered"
    assert (await refusal(house, region="mars-1")).code == "invalid_request"
    assert (await refusal(house, model="gpt-9")).code == "model_unknown"
    assert (await refusal(house, model="claude-3-sonnet")).code == "model_not_in_region"
    assert (await refusal(house, model="claude-sonnet-4-6")).code == "terms_not_accepted"
    assert (await refusal(house, model="local-embeddings")).code == "invalid_request"
    assert (await refusal(house, plan="XL")).code == "invalid_request"
    assert (await refusal(house, cri=True)).code == "invalid_request"
    assert (await refusal(house, display_name=" ")).code == "invalid_request"
    assert (await refusal(house, created_for_email="nobody")).code == "invalid_request"
    assert (await refusal(house, type="knowledge_base", model="", plan="Standard")).code == "invalid_request"
    assert (await refusal(house, embeddings_resource_id="res_x")).code == "invalid_request"


async def test_balance_short_says_what_is_missing(house: House) -> None:
    await house.provision(plan="L")
    refused = await refusal(house, plan="L")
    assert refused.code == "balance_short"
    assert refused.facts == {"needed": 120, "available": 80, "missing": 40}


async def test_without_a_running_contract(house: House) -> None:
    house.clock.advance(timedelta(days=365))
    assert (await refusal(house)).code == "contract_over"


async def test_who_may(house: House) -> None:
    member = await house.user("dev@example.com")
    _, stranger = await house.rival()
    for actor, code in ((member, "forbidden"), (stranger, "not_found")):
        with pytest.raises(Refused) as refused:
            await house.services.provisioning.provision(actor, house.order())
        assert refused.value.code == code
    await house.services.companies.change(house.operator, house.company.id, self_service=False)
    assert (await refusal(house)).code == "no_self_service"
    await house.services.provisioning.provision(house.operator, house.order())


async def test_accepted_terms_open_a_providers_models(house: House) -> None:
    for terms in ("aws-bedrock", "anthropic"):
        with pytest.raises(Refused) as refused:
            await house.services.terms.accept(house.admin, house.company.id, terms_id=terms, version="0")
        assert refused.value.code == "conflict"
        await house.services.terms.accept(house.admin, house.company.id, terms_id=terms, version="1")
    shown = await house.services.provisioning.preview(house.admin, house.order(model="claude-3-7-sonnet"))
    assert shown.lines[0].cri
    assert "eu-north-1" in shown.lines[0].serving_regions
    assert "legacy" in shown.notices[0]


async def test_an_embeddings_pack_of_another_company_or_region_is_not_linked(house: House) -> None:
    rival, rival_admin = await house.rival()
    order = house.order(company_id=rival.id, type="embeddings", model="local-embeddings")
    theirs = (await house.services.provisioning.provision(rival_admin, order)).resource.id
    refused = await refusal(house, type="knowledge_base", model="", plan="Standard", embeddings_resource_id=theirs)
    assert refused.code == "not_found"
    text = await house.provision()
    refused = await refusal(house, type="knowledge_base", model="", plan="Standard", embeddings_resource_id=text)
    assert refused.code == "invalid_request"


async def test_the_same_idempotency_key_gives_the_same_resource(house: House) -> None:
    provision = house.services.provisioning.provision
    first = await provision(house.admin, house.order(), idempotency_key="k")
    again = await provision(house.admin, house.order(), idempotency_key="k")
    assert again.resource == first.resource
    assert await house.available() == 170
    with pytest.raises(Refused) as refused:
        await provision(house.admin, house.order(plan="M"), idempotency_key="k")
    assert refused.value.code == "conflict"


async def test_two_admins_who_spend_the_last_tokens_at_once(house: House) -> None:
    """On two nodes: each with connections of its own to the same database."""
    await house.provision(plan="L")  # 80 are left: enough for one M
    other = context_on(house.installation, house.clock)
    nodes = [house.services, control(other)]
    made: list[Resource] = []
    refused: list[str] = []

    async def spend(number: int) -> None:
        order = house.order(plan="M", display_name=f"Chat {number}")
        try:
            view = await nodes[number % 2].provisioning.provision(house.admin, order)
            made.append(view.resource)
        except Refused as no:
            refused.append(no.code)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(spend, number)
    assert len(made) == 1
    assert refused == ["balance_short"] * 7
    assert await house.available() == 20
    assert isinstance(other.store, SqlStore)
    await other.store.close()


async def test_an_overlaid_model_is_sold_like_any_other(house: House) -> None:
    model = openai_compatible_model("house-model", regions=["eu-central-1"], provider_model="gpt-x", endpoint="openai")
    services = control(replace(house.context, catalog=house.context.catalog.with_model(model)))
    view = await services.provisioning.provision(house.admin, house.order(model="house-model"))
    assert view.models == ("house-model",)
