"""Entitlements: contracts, grants, corrections, the balance and the list of transactions."""

from datetime import timedelta

import pytest

from packhouse.domain.errors import Refused
from packhouse.services.ledger import NewContract
from tests.services.conftest import House
from tests.support.databases import KINDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]
DAY = timedelta(days=1)


def spanning(house: House, start: int, end: int) -> NewContract:
    now = house.clock.now()
    return NewContract(reference=f"{start} to {end}", start_at=now + start * DAY, end_at=now + end * DAY)


async def test_grants_are_the_operators(house: House) -> None:
    (view,) = await house.services.entitlements.contracts(house.admin, house.company.id)
    for verb in (house.services.entitlements.grant, house.services.entitlements.correct):
        with pytest.raises(Refused) as refused:
            await verb(house.admin, view.contract.id, cloud_tokens=1000, note="please")
        assert refused.value.code == "forbidden"
    with pytest.raises(Refused) as refused:
        await house.services.entitlements.create_contract(house.admin, house.company.id, new=spanning(house, 0, 9))
    assert refused.value.code == "forbidden"


async def test_a_later_grant_counts_when_its_contract_starts(house: House) -> None:
    contract = await house.services.entitlements.create_contract(
        house.operator, house.company.id, new=spanning(house, 10, 20)
    )
    await house.services.entitlements.grant(house.operator, contract.id, cloud_tokens=50)
    assert await house.available() == 200
    house.clock.advance(10 * DAY)
    assert await house.available() == 250
    views = await house.services.entitlements.contracts(house.admin, house.company.id)
    assert [(one.balance.available, one.running) for one in views] == [(200, True), (50, True)]


async def test_a_correction_is_an_entry(house: House) -> None:
    (view,) = await house.services.entitlements.contracts(house.admin, house.company.id)
    await house.provision()
    with pytest.raises(Refused) as refused:
        await house.services.entitlements.correct(house.operator, view.contract.id, cloud_tokens=-171, note="too many")
    assert refused.value.code == "balance_short"
    await house.services.entitlements.correct(house.operator, view.contract.id, cloud_tokens=-170, note="too many")
    lines = await house.services.entitlements.transactions(house.admin, house.company.id)
    shown = [(one.line.transaction.entry.kind, one.line.cloud_tokens, one.line.remaining_cloud_tokens) for one in lines]
    assert shown == [("granted", 200, 200), ("allocated", -30, 170), ("corrected", -170, 0)]
    assert [one.line.transaction.number for one in lines] == [1, 2, 3]
    balance = await house.services.entitlements.balance(house.admin, house.company.id)
    assert (balance.granted, balance.total, balance.allocated) == (30, 30, 30)


async def test_contracts_make_sense(house: House) -> None:
    for start, end, code in ((5, 5, "invalid_request"), (5, 1, "invalid_request"), (-9, 0, "contract_over")):
        with pytest.raises(Refused) as refused:
            await house.services.entitlements.create_contract(
                house.operator, house.company.id, new=spanning(house, start, end)
            )
        assert refused.value.code == code


async def test_others_see_nothing(house: House) -> None:
    member = await house.user("dev@example.com")
    _, stranger = await house.rival()
    for actor, code in ((member, "forbidden"), (stranger, "not_found")):
        for verb in (
            house.services.entitlements.balance,
            house.services.entitlements.contracts,
            house.services.entitlements.transactions,
        ):
            with pytest.raises(Refused) as refused:
                await verb(actor, house.company.id)
            assert refused.value.code == code


async def test_what_a_contract_had_left_expires_dated_to_its_end(house: House) -> None:
    end = house.clock.now() + 365 * DAY
    house.clock.advance(10 * DAY)
    await house.provision()
    await house.fund(house.company, 20, length=500 * DAY)
    house.clock.set(end + 5 * DAY)
    balance = await house.services.entitlements.balance(house.admin, house.company.id)
    assert (balance.granted, balance.expired, balance.allocated, balance.available) == (220, 170, 30, 20)
    lines = await house.services.entitlements.transactions(house.admin, house.company.id)
    last = lines[-1].line.transaction
    assert last.entry.kind == "expired"
    assert last.entry.effective_at == end
    assert last.recorded_at == house.clock.now()
    (resource,) = await house.services.resources.list(house.admin, company_id=house.company.id)
    assert resource.resource.ends_at == end + 10 * DAY, "20 cloud tokens do not pay for it again"
