"""Resources: the table of moves, the derived status, one scheduled change at most."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from packhouse.domain import resource as moves
from packhouse.domain.errors import Refused
from packhouse.domain.resource import (
    MOVES,
    Resource,
    ScheduledDeprovision,
    ScheduledDowngrade,
    State,
    status,
)
from packhouse.domain.units import CompanyId, ResourceId, UserId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=9)
NEW = Resource(
    id=ResourceId("res_1"),
    company_id=CompanyId("com_1"),
    type="text_generation",
    display_name="Chat",
    environment="test",
    region="eu-central-1",
    cri=True,
    model="local-text",
    plan="M",
    created_at=NOW,
    created_by=UserId("usr_1"),
)
IN_STATE: dict[State, Resource] = {
    "provisioning": NEW,
    "active": moves.activated(NEW, NOW),
    "failed": moves.failed(NEW, NOW),
    "deprovisioned": moves.deprovisioned(moves.activated(NEW, NOW), NOW),
}
ACTS: dict[moves.Move, Callable[[Resource], object]] = {
    "activate": lambda one: moves.activated(one, NOW),
    "fail": lambda one: moves.failed(one, NOW),
    "schedule_deprovision": lambda one: moves.deprovision_scheduled(one, at=LATER, now=NOW),
    "schedule_downgrade": lambda one: moves.downgrade_scheduled(one, "S", at=LATER, now=NOW),
    "upgrade": lambda one: moves.upgraded(one, "L", now=NOW),
    "suspend": lambda one: moves.suspended(one, "operator", now=NOW),
    "resume": lambda one: moves.resumed(one, "operator", now=NOW),
}


@pytest.mark.parametrize("state", IN_STATE)
def test_states_are_derived(state: State) -> None:
    assert status(IN_STATE[state], NOW).state == state


@pytest.mark.parametrize("state", IN_STATE)
@pytest.mark.parametrize("move", ACTS)
def test_a_state_allows_its_moves_and_no_other(state: State, move: moves.Move) -> None:
    if move in MOVES[state]:
        ACTS[move](IN_STATE[state])
        return
    with pytest.raises(Refused) as refused:
        ACTS[move](IN_STATE[state])
    assert refused.value.code == "resource_inactive"
    assert state in refused.value.message


def test_a_newer_scheduled_change_replaces_the_one_before() -> None:
    active = IN_STATE["active"]
    ending = moves.deprovision_scheduled(moves.downgrade_scheduled(active, "S", at=LATER, now=NOW), at=LATER, now=NOW)
    assert ending.scheduled == ScheduledDeprovision(LATER)
    shrinking = moves.downgrade_scheduled(ending, "S", at=LATER, now=NOW)
    assert shrinking.scheduled == ScheduledDowngrade(LATER, "S")
    assert shrinking.ends_at is None


def test_an_upgrade_replaces_a_downgrade_but_not_an_end() -> None:
    active = IN_STATE["active"]
    assert moves.upgraded(moves.downgrade_scheduled(active, "S", at=LATER, now=NOW), "L", now=NOW).scheduled is None
    assert moves.upgraded(moves.deprovision_scheduled(active, at=LATER, now=NOW), "L", now=NOW).ends_at == LATER


def test_a_resource_is_gone_at_its_end_whether_or_not_anybody_wrote_it_down() -> None:
    ending = moves.deprovision_scheduled(IN_STATE["active"], at=LATER, now=NOW)
    assert status(ending, LATER - timedelta(microseconds=1)).usable
    assert status(ending, LATER).state == "deprovisioned"
    assert status(ending, LATER).scheduled is None


def test_suspensions_are_a_set_of_reasons() -> None:
    twice = moves.suspended(moves.suspended(IN_STATE["active"], "operator", now=NOW), "terms_not_accepted", now=NOW)
    assert status(twice, NOW).suspensions == ("operator", "terms_not_accepted")
    once = moves.resumed(twice, "operator", now=NOW)
    assert not status(once, NOW).usable
    assert status(moves.resumed(once, "terms_not_accepted", now=NOW), NOW).usable


def test_nothing_scheduled_is_not_cancelled() -> None:
    with pytest.raises(Refused) as refused:
        moves.scheduled_cancelled(IN_STATE["active"], NOW)
    assert refused.value.code == "conflict"
