"""The activity log: every verb leaves an entry, and tampering shows."""

import sqlite3
from pathlib import Path

import pytest

from packhouse.domain.activity import INSTALLATION
from packhouse.domain.errors import Refused
from packhouse.services.activity import ActivityQuery
from tests.services.conftest import House

pytestmark = pytest.mark.anyio


async def test_what_was_done_is_told_newest_first(house: House) -> None:
    resource_id = await house.provision()
    minted = await house.services.keys.create(house.admin, resource_id)
    await house.services.keys.revoke(house.admin, minted.view.key.id)
    entries = await house.services.activity.list(house.admin, house.activity())
    assert [(one.entry.deed.verb, one.actor) for one in entries] == [
        ("key.revoked", "admin@example.com"),
        ("key.created", "admin@example.com"),
        ("resource.provisioned", "admin@example.com"),
        ("grant.granted", "operator@example.com"),
        ("contract.created", "operator@example.com"),
        ("user.created", "operator@example.com"),
        ("company.created", "operator@example.com"),
    ]
    keys = await house.services.activity.list(house.admin, house.activity(verb="key"))
    assert [one.entry.deed.verb for one in keys] == ["key.revoked", "key.created"]
    assert await house.services.activity.list(house.admin, house.activity(verb="ke")) == []
    older = await house.services.activity.list(house.admin, house.activity(before=entries[1].entry.number, limit=1))
    assert older == [entries[2]]


async def test_a_team_sees_its_resource_only(house: House) -> None:
    first, second = await house.provision(), await house.provision()
    member = await house.user("dev@example.com")
    await house.services.team.add(house.admin, first, email="dev@example.com")
    entries = await house.services.activity.list(member, house.activity(resource_id=first))
    assert [one.entry.deed.verb for one in entries] == ["team.member_added", "resource.provisioned"]
    for query, code in (
        (house.activity(), "forbidden"),
        (house.activity(resource_id=second), "not_found"),
        (ActivityQuery(company_id=INSTALLATION), "forbidden"),
    ):
        with pytest.raises(Refused) as refused:
            await house.services.activity.list(member, query)
        assert refused.value.code == code


async def test_an_untouched_chain_is_intact(house: House) -> None:
    await house.provision()
    for company_id in (house.company.id, INSTALLATION):
        found = await house.services.activity.verify(house.operator, company_id)
        assert found.intact
        assert found.entries


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE activity_entry SET actor_id = 'usr_x' WHERE number = 3",
        "UPDATE activity_entry SET facts = '[]' WHERE number = 3",
        "UPDATE activity_entry SET at = at + 1 WHERE number = 3",
        "DELETE FROM activity_entry WHERE number = 3",
    ],
)
async def test_tampering_shows_where(house: House, tmp_path: Path, tampering: str) -> None:
    await house.provision()
    sql = sqlite3.connect(tmp_path / "packhouse.db", isolation_level=None)
    sql.execute(tampering + " AND company_id = ?", (house.company.id,))
    sql.close()
    found = await house.services.activity.verify(house.admin, house.company.id)
    assert found.broken_at == 3


async def test_a_verb_that_fails_leaves_no_entry(house: House) -> None:
    before = await house.services.activity.list(house.admin, house.activity())
    with pytest.raises(Refused):
        await house.services.provisioning.provision(house.admin, house.order(plan="XL"))
    assert await house.services.activity.list(house.admin, house.activity()) == before
