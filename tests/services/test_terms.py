"""Third-party terms over time: a new version, its grace, suspension, acceptance."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from packhouse.domain.errors import Refused
from packhouse.services.control import control
from tests.services.conftest import House
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]


async def test_a_new_version_suspends_after_its_grace_until_it_is_accepted(house: House) -> None:
    for terms_id in ("aws-bedrock", "cohere"):
        await house.services.terms.accept(house.admin, house.company.id, terms_id=terms_id, version="1")
    resource_id = await house.provision(type="embeddings", model="cohere-embed-v4")
    local_id = await house.provision()
    terms = tuple(
        msgspec.structs.replace(one, version="2", since_at=house.clock.now()) if one.id == "cohere" else one
        for one in house.context.catalog.terms
    )
    catalog = msgspec.structs.replace(house.context.catalog, terms=terms)
    later = control(replace(house.context, catalog=catalog))
    house.clock.advance(timedelta(days=29))
    assert (await later.resources.get(house.admin, resource_id)).status.usable
    standings = {one.terms.id: one.state for one in await later.terms.list(house.admin, house.company.id)}
    assert standings == {"aws-bedrock": "accepted", "anthropic": "missing", "cohere": "in_grace"}
    house.clock.advance(timedelta(days=1))
    suspended = await later.resources.get(house.admin, resource_id)
    assert suspended.status.suspensions == ("terms_not_accepted",)
    assert (await later.resources.get(house.admin, local_id)).status.usable
    await later.terms.accept(house.admin, house.company.id, terms_id="cohere", version="2")
    assert (await later.resources.get(house.admin, resource_id)).status.usable


async def test_terms_are_accepted_by_the_companys_own_admins(house: House) -> None:
    member = await house.user("dev@example.com")
    _, stranger = await house.rival()
    for actor, code in ((member, "forbidden"), (stranger, "not_found"), (house.operator, "forbidden")):
        with pytest.raises(Refused) as refused:
            await house.services.terms.accept(actor, house.company.id, terms_id="cohere", version="1")
        assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        await house.services.terms.accept(house.admin, house.company.id, terms_id="other", version="1")
    assert refused.value.code == "not_found"
