"""The activity chain: whatever is changed, taken out, put in or cut off shows."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.activity import Deed, Entry, Head, linked, verify
from packhouse.domain.units import CompanyId, ResourceId, UserId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMPANY = CompanyId("com_1")


def chain(length: int) -> tuple[list[Entry], Head]:
    entries: list[Entry] = []
    head = Head()
    for number in range(length):
        deed = Deed(
            company_id=COMPANY,
            verb="key.created",
            subject_id=f"key_{number}",
            resource_id=ResourceId("res_1"),
            facts=(("plan", "S"),),
        )
        entry = linked(head, deed, at=NOW + timedelta(hours=number), actor_id=UserId("usr_1"))
        entries.append(entry)
        head = Head(entry.number, entry.hash)
    return entries, head


@given(st.integers(0, 8))
def test_an_untouched_chain_is_intact(length: int) -> None:
    entries, head = chain(length)
    assert verify(entries, head).intact
    assert verify(entries, head).entries == length


def changes(entry: Entry) -> list[Entry]:
    deed = msgspec.structs.replace(entry.deed, facts=(("plan", "L"),))
    return [
        msgspec.structs.replace(entry, deed=deed),
        msgspec.structs.replace(entry, actor_id=UserId("usr_2")),
        msgspec.structs.replace(entry, at=entry.at + timedelta(microseconds=1)),
        msgspec.structs.replace(entry, hash=bytes(32)),
        msgspec.structs.replace(entry, number=entry.number + 1),
    ]


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_changed_entry_shows_where_it_is(place: int) -> None:
    entries, head = chain(5)
    for changed in changes(entries[place]):
        assert verify([*entries[:place], changed, *entries[place + 1 :]], head).broken_at == place + 1


def test_a_forged_entry_shows_even_when_its_own_hash_is_right() -> None:
    entries, head = chain(5)
    before = Head(entries[1].number, entries[1].hash)
    forged = msgspec.structs.replace(entries[2].deed, verb="key.revoked")
    entries[2] = linked(before, forged, at=entries[2].at, actor_id=UserId("usr_1"))
    assert verify(entries, head).broken_at == 4, "the next one does not follow from it"


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_missing_entry_shows(place: int) -> None:
    entries, head = chain(5)
    del entries[place]
    assert verify(entries, head).broken_at == place + 1


def test_an_entry_put_in_shows() -> None:
    entries, head = chain(5)
    entries.insert(2, entries[1])
    assert verify(entries, head).broken_at == 3


def test_what_was_cut_off_shows() -> None:
    entries, head = chain(5)
    assert verify(entries[:3], head).broken_at == 4
    assert verify([], head).broken_at == 1
