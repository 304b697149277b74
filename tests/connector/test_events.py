"""Server-sent events, however they are cut."""

from hypothesis import given
from hypothesis import strategies as st

from packhouse_connector.core.events import EventDecoder

LINE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=12).map(str.encode)
EVENT = st.lists(LINE, min_size=1, max_size=3)
NOISE = st.sampled_from([b": a comment", b"event: chunk", b"id: 7", b"retry: 10", b"unknown", b"dataset: no"])


@given(st.lists(EVENT, max_size=6), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.data())
def test_what_was_sent_comes_out_wherever_the_bytes_are_cut(
    events: list[list[bytes]], end: bytes, data: st.DataObject
) -> None:
    sent = b""
    for lines in events:
        for line in lines:
            if data.draw(st.booleans()):
                sent += data.draw(NOISE) + end
            # One space after the colon belongs to the format; a line that starts with one needs it.
            space = b" " if line.startswith(b" ") or data.draw(st.booleans()) else b""
            sent += b"data:" + space + line + end
        sent += end
    decoder = EventDecoder()
    received = list[bytes]()
    while sent:
        size = data.draw(st.integers(0, len(sent)))
        received += decoder.feed(sent[:size] if size else sent[:1])
        sent = sent[size or 1 :]
    assert received == [b"\n".join(lines) for lines in events]


@given(st.binary(max_size=200))
def test_any_bytes_are_borne(noise: bytes) -> None:
    EventDecoder().feed(noise)


def test_a_field_name_alone_is_an_empty_line() -> None:
    assert EventDecoder().feed(b"data\ndata: x\n\n") == [b"\nx"]
