"""The journal's files: what is in them after their process died, and how they grow."""

from pathlib import Path

import pytest

from packhouse.adapters.metering import journal as rooms
from packhouse.adapters.metering.journal import SEGMENT_BYTES, Journal, SentEntry, SettledEntry, entries


def sent(number: int) -> SentEntry:
    return SentEntry(f"call_{number:08d}", "com_a", "res_a", "key_a", "model", "chat", 0, 1, 2, 3)


def settled(number: int) -> SettledEntry:
    return SettledEntry(f"call_{number:08d}", 1, 2, 0, 0, "reported", "ok", 7)


def test_what_was_written_is_there_without_closing_anything(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "proc_a")
    segment = journal.begin(sent(1))
    journal.settled(segment, settled(1))
    journal.begin(sent(2))
    assert list(entries(segment.path)) == [sent(1), settled(1), sent(2)]
    journal.abandon()
    assert list(entries(segment.path)) == [sent(1), settled(1), sent(2)]


def test_a_segment_grows_for_the_settlements_of_its_own_calls(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "proc_a")
    segment = journal.begin(sent(1))
    while segment.size < SEGMENT_BYTES + 1_000_000:
        journal.settled(segment, settled(1))
    assert journal.begin(sent(2)) is not segment
    found = list(entries(segment.path))
    assert found[0] == sent(1)
    assert set(found[1:]) == {settled(1)}
    journal.abandon()
    segment.let_go()


def test_a_segment_goes_when_its_calls_are_in_the_database(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "proc_a")
    first = journal.begin(sent(1))
    while first.size < SEGMENT_BYTES:
        journal.settled(first, settled(1))
    second = journal.begin(sent(2))
    assert sorted(tmp_path.glob("*.journal")) == [first.path, second.path]
    journal.drained(first)
    assert list(tmp_path.glob("*.journal")) == [second.path]
    journal.drained(second)
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_refuses_the_call_and_leaves_no_half_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than any disk has."""
    journal = Journal(tmp_path, "proc_a")
    first = journal.begin(sent(1))
    while first.size < SEGMENT_BYTES:
        journal.settled(first, settled(1))
    monkeypatch.setattr(rooms, "SEGMENT_BYTES", 1 << 60)
    first.size = 1 << 60
    with pytest.raises(OSError, match=r"space|large"):
        journal.begin(sent(2))
    assert list(tmp_path.glob("*.journal")) == [first.path]
    journal.abandon()
