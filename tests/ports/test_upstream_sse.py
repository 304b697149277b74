"""Server-sent events: whole however they are cut, and handed on with the byte that completes them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.http import SseDecoder, SseEvent
from packhouse.domain.errors import Refused

LINES = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[SseEvent]]:
    """The bytes of a stream and the events in it."""
    end = draw(ENDS)
    text, events = draw(st.sampled_from(["", "\ufeff"])), list[SseEvent]()
    for lines in draw(st.lists(st.lists(LINES, max_size=3), max_size=4)):
        name = draw(st.sampled_from(["", "ping"]))
        text += draw(st.sampled_from(["", f": a comment{end}", f"id: 7{end}retry: 3{end}", end]))
        text += f"event: {name}{end}" if name else ""
        text += "".join(f"data:{draw(st.sampled_from([' ', '']))}{line.lstrip(' ')}{end}" for line in lines) + end
        if lines:
            events.append(SseEvent("\n".join(line.lstrip(" ") for line in lines).encode(), name.encode()))
    return text.encode(), events


@given(streams(), st.data())
def test_cutting_changes_nothing(stream: tuple[bytes, list[SseEvent]], data: st.DataObject) -> None:
    whole, events = stream
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=10)))
    decoder = SseDecoder()
    pieces = [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    assert [event for piece in pieces for event in decoder.feed(piece)] == events


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_comes_with_its_last_byte(end: bytes) -> None:
    decoder = SseDecoder()
    head, last = b"data: a" + end + end[:-1], end[-1:]
    if end == b"\r\n":  # a lone CR ends a line already: its LF adds nothing
        assert decoder.feed(head) == [SseEvent(b"a")]
        assert decoder.feed(last + b"data: b" + end + end) == [SseEvent(b"b")]
    else:
        assert decoder.feed(head) == []
        assert decoder.feed(last) == [SseEvent(b"a")]


def test_what_the_end_cuts_short_is_no_event() -> None:
    assert SseDecoder().feed(b"data: a\n\ndata: b\n") == [SseEvent(b"a")]


def test_a_byte_at_a_time() -> None:
    decoder = SseDecoder()
    stream = "\ufeffevent: x\r\ndata: \u00e4\u20ac\r\ndata: 2\r\n\r\n".encode()
    events = [event for at in range(len(stream)) for event in decoder.feed(stream[at : at + 1])]
    assert events == [SseEvent("\u00e4\u20ac\n2".encode(), b"x")]


def test_an_event_without_end() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"x" * 16 * 1024 * 1024) == []
    with pytest.raises(Refused) as caught:
        decoder.feed(b"x")
    assert caught.value.code == "provider_malformed"
