"""Keys: made by the team, shown once, opened further, shut, revoked."""

from datetime import timedelta

import pytest

from packhouse.domain.errors import Refused
from packhouse.domain.key import parse_key
from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor
from tests.services.conftest import House
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]


async def code(house: House, actor: Actor, resource_id: ResourceId, *open_to: ResourceId) -> str:
    with pytest.raises(Refused) as refused:
        await house.services.keys.create(actor, resource_id, open_to=open_to)
    return refused.value.code


async def test_a_key_is_shown_once_and_listed_by_its_prefix(house: House) -> None:
    text_id = await house.provision()
    minted = await house.services.keys.create(house.admin, text_id, description="Bot")
    parsed = parse_key(minted.text.text)
    assert minted.text.text not in repr(minted)
    (listed,) = await house.services.keys.list(house.admin, text_id)
    assert listed.key.prefix == f"phk_{parsed.public_id}"
    assert (listed.state, listed.at_home, listed.derived, listed.created_by) == (
        "active",
        True,
        False,
        "admin@example.com",
    )
    assert parsed.secret not in repr(listed)


async def test_one_key_for_everything(house: House) -> None:
    text_id, embeddings_id = await house.provision(), await house.embeddings()
    base_id = await house.knowledge_base(embeddings_id)
    minted = await house.services.keys.create(house.admin, text_id, open_to=[base_id])
    opened = [(one.resource_id, one.derived) for one in minted.view.openings]
    assert opened == [(text_id, False), (base_id, False), (embeddings_id, True)]
    (derived,) = await house.services.keys.list(house.admin, embeddings_id)
    assert (derived.derived, derived.at_home) == (True, False)
    explicit = await house.services.keys.open(house.admin, minted.view.key.id, resource_id=embeddings_id)
    assert not explicit.derived
    with pytest.raises(Refused) as refused:
        await house.services.keys.open(house.admin, minted.view.key.id, resource_id=await house.embeddings("More"))
    assert refused.value.code == "conflict"


async def test_a_resource_shuts_itself_to_a_key(house: House) -> None:
    text_id, embeddings_id = await house.provision(), await house.embeddings()
    base_id = await house.knowledge_base(embeddings_id)
    minted = await house.services.keys.create(house.admin, text_id, open_to=[base_id])
    key_id = minted.view.key.id
    for resource_id in (text_id, embeddings_id):
        with pytest.raises(Refused) as refused:
            await house.services.keys.shut(house.admin, key_id, resource_id=resource_id)
        assert refused.value.code == "conflict"
    await house.services.keys.shut(house.admin, key_id, resource_id=base_id)
    assert await house.services.keys.list(house.admin, base_id) == []
    assert await house.services.keys.list(house.admin, embeddings_id) == []
    with pytest.raises(Refused) as refused:
        await house.services.keys.shut(house.admin, key_id, resource_id=base_id)
    assert refused.value.code == "not_found"


async def test_who_makes_keys(house: House) -> None:
    text_id = await house.provision()
    colleague = await house.user("dev@example.com")
    other_admin = await house.user("boss@example.com", "admin")
    _, stranger = await house.rival()
    assert await code(house, colleague, text_id) == "not_found"
    assert await code(house, stranger, text_id) == "not_found"
    assert await code(house, other_admin, text_id) == "forbidden"
    assert await code(house, house.operator, text_id) == "forbidden"
    await house.services.team.add(house.admin, text_id, email="dev@example.com")
    await house.services.keys.create(colleague, text_id)


async def test_a_key_opens_only_what_its_maker_is_in_the_team_of(house: House) -> None:
    text_id, embeddings_id = await house.provision(), await house.embeddings()
    colleague = await house.user("dev@example.com")
    await house.services.team.add(house.admin, text_id, email="dev@example.com")
    assert await code(house, colleague, text_id, embeddings_id) == "not_found"
    assert await house.services.keys.list(house.admin, text_id) == [], "all or nothing"
    rival, rival_admin = await house.rival()
    theirs = await house.services.provisioning.provision(rival_admin, house.order(company_id=rival.id))
    assert await code(house, house.admin, text_id, theirs.resource.id) == "not_found"


async def test_revoking_is_the_homes(house: House) -> None:
    text_id, embeddings_id = await house.provision(), await house.embeddings()
    minted = await house.services.keys.create(house.admin, text_id, open_to=[embeddings_id])
    colleague = await house.user("dev@example.com")
    await house.services.team.add(house.admin, embeddings_id, email="dev@example.com")
    with pytest.raises(Refused) as refused:
        await house.services.keys.revoke(colleague, minted.view.key.id)
    assert refused.value.code == "forbidden"
    _, stranger = await house.rival()
    with pytest.raises(Refused) as refused:
        await house.services.keys.revoke(stranger, minted.view.key.id)
    assert refused.value.code == "not_found"
    first = await house.services.keys.revoke(house.admin, minted.view.key.id)
    house.clock.advance(timedelta(hours=1))
    again = await house.services.keys.revoke(house.admin, minted.view.key.id)
    assert first.state == "revoked"
    assert again.key == first.key
    with pytest.raises(Refused) as refused:
        await house.services.keys.open(house.admin, minted.view.key.id, resource_id=embeddings_id)
    assert refused.value.code == "conflict"


async def test_a_key_expires(house: House) -> None:
    text_id = await house.provision()
    with pytest.raises(Refused) as refused:
        await house.services.keys.create(house.admin, text_id, expires_at=house.clock.now())
    assert refused.value.code == "invalid_request"
    until = house.clock.now() + timedelta(days=1)
    await house.services.keys.create(house.admin, text_id, expires_at=until)
    house.clock.set(until)
    (listed,) = await house.services.keys.list(house.admin, text_id)
    assert listed.state == "expired"


async def test_no_key_for_a_resource_that_is_gone(house: House) -> None:
    text_id = await house.provision()
    ending = await house.services.resources.schedule_deprovision(house.admin, text_id)
    assert ending.resource.ends_at is not None
    house.clock.set(ending.resource.ends_at)
    assert await code(house, house.admin, text_id) == "resource_inactive"
