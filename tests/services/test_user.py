"""Users, companies and teams: who may make and see whom."""

import pytest

from packhouse.domain.errors import Refused
from packhouse.services.user import NewUser
from tests.services.conftest import House
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]


async def test_an_admin_makes_people_of_the_own_company_only(house: House) -> None:
    rival, _ = await house.rival()
    member = await house.user("dev@example.com")
    new = NewUser(email="x@example.com", name="X", role="member", company_id=house.company.id)
    await house.services.users.create(house.admin, new)
    for actor, change, code in (
        (house.admin, {"company_id": rival.id}, "not_found"),
        (house.admin, {"role": "operator", "company_id": None}, "forbidden"),
        (house.admin, {"role": "operator"}, "invalid_request"),
        (house.admin, {"company_id": None}, "invalid_request"),
        (house.admin, {"email": "dev@example.com"}, "conflict"),
        (house.admin, {"email": "DEV@example.com"}, "conflict"),
        (house.admin, {"password": "short"}, "invalid_request"),
        (member, {}, "forbidden"),
    ):
        fields: dict[str, object] = {"email": "y@example.com", "name": "Y", "role": "member"}
        fields |= {"company_id": house.company.id} | change
        with pytest.raises(Refused) as refused:
            await house.services.users.create(actor, NewUser(**fields))  # type: ignore[arg-type]
        assert refused.value.code == code, change


async def test_people_are_seen_by_their_admins(house: House) -> None:
    member = await house.user("dev@example.com")
    _, stranger = await house.rival()
    people = await house.services.users.list(house.admin, company_id=house.company.id)
    assert [one.email for one in people] == ["admin@example.com", "dev@example.com"]
    assert [one.email for one in await house.services.users.list(house.operator, company_id=None)] == [
        "operator@example.com"
    ]
    with pytest.raises(Refused):
        await house.services.users.list(house.admin, company_id=None)
    assert (await house.services.users.get(member, member.user_id)).email == "dev@example.com"
    for actor, user_id in (
        (member, house.admin.user_id),
        (stranger, member.user_id),
        (house.admin, house.operator.user_id),
    ):
        with pytest.raises(Refused) as refused:
            await house.services.users.get(actor, user_id)
        assert refused.value.code == "not_found"


async def test_roles_change_but_not_ones_own(house: House) -> None:
    member = await house.user("dev@example.com")
    assert (await house.services.users.change_role(house.admin, member.user_id, role="admin")).role == "admin"
    for actor, user_id, role, code in (
        (house.admin, house.admin.user_id, "member", "conflict"),
        (house.admin, member.user_id, "operator", "conflict"),
        (house.admin, house.operator.user_id, "member", "not_found"),
    ):
        with pytest.raises(Refused) as refused:
            await house.services.users.change_role(actor, user_id, role=role)  # type: ignore[arg-type]
        assert refused.value.code == code


async def test_companies(house: House) -> None:
    rival, stranger = await house.rival()
    assert [one.name for one in await house.services.companies.list(house.operator)] == ["Example", "Rival"]
    assert await house.services.companies.list(stranger) == [rival]
    for actor, company_id in ((stranger, house.company.id), (house.operator, "com_x")):
        with pytest.raises(Refused) as refused:
            await house.services.companies.get(actor, company_id)  # type: ignore[arg-type]
        assert refused.value.code == "not_found"
    with pytest.raises(Refused) as refused:
        await house.services.companies.create(house.operator, "Rival")
    assert refused.value.code == "conflict"
    with pytest.raises(Refused) as refused:
        await house.services.companies.create(house.admin, "Mine")
    assert refused.value.code == "forbidden"
    changed = await house.services.companies.change(house.admin, house.company.id, external_invitations=True)
    assert changed.external_invitations
    with pytest.raises(Refused) as refused:
        await house.services.companies.change(house.admin, house.company.id, self_service=False)
    assert refused.value.code == "forbidden"


async def test_teams(house: House) -> None:
    resource_id = await house.provision()
    member = await house.user("dev@example.com")
    _, stranger = await house.rival()
    with pytest.raises(Refused) as refused:
        await house.services.team.add(house.admin, resource_id, email="admin@rival.example")
    assert refused.value.code == "not_found"
    with pytest.raises(Refused) as refused:
        await house.services.team.members(stranger, resource_id)
    assert refused.value.code == "not_found"
    first = await house.services.team.add(house.admin, resource_id, email="dev@example.com")
    assert await house.services.team.add(house.admin, resource_id, email="dev@example.com") == first
    members = await house.services.team.members(member, resource_id)
    assert [(one.user.email, one.external) for one in members] == [
        ("admin@example.com", False),
        ("dev@example.com", False),
    ]
    await house.services.team.remove(member, resource_id, user_id=member.user_id)
    with pytest.raises(Refused) as refused:
        await house.services.team.remove(house.admin, resource_id, user_id=member.user_id)
    assert refused.value.code == "not_found"
    with pytest.raises(Refused) as refused:
        await house.services.resources.get(member, resource_id)
    assert refused.value.code == "not_found"


async def test_the_catalog_as_a_company_sees_it(house: House) -> None:
    view = await house.services.offers.view(house.admin, house.company.id)
    assert [(one.region.id, one.offered) for one in view.regions] == [("eu-central-1", True), ("ca-central-1", False)]
    models = {one.model.id: one for one in view.models}
    assert [one.offered for one in models["local-text"].offers] == [True, False]
    assert models["claude-sonnet-4-6"].missing_terms == ("aws-bedrock", "anthropic")
    assert [one.price_cloud_tokens for one in models["local-embeddings"].plans] == [6, 12, 24]
    assert [one.name for one in view.knowledge_base_plans] == ["Standard"]
    await house.services.terms.accept(house.admin, house.company.id, terms_id="anthropic", version="1")
    view = await house.services.offers.view(house.admin, house.company.id)
    assert {one.model.id: one for one in view.models}["claude-sonnet-4-6"].missing_terms == ("aws-bedrock",)
