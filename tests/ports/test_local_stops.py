"""Stop sequences are found wherever a text is cut into pieces."""

from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.local.stops import Stops

LETTERS = st.text("ab<", max_size=12)


def passed(pieces: list[str], stops: Stops) -> str:
    return "".join(stops.push(piece) for piece in pieces) + stops.rest()


def test_a_stop_sequence_ends_the_text() -> None:
    stops = Stops(("END",))
    assert passed(["one E", "N", "D two"], stops) == "one "
    assert stops.hit


def test_what_only_began_like_one_comes_out_in_the_end() -> None:
    stops = Stops(("END",))
    assert [stops.push("one EN"), stops.push("emy E")] == ["one ", "ENemy "]
    assert (stops.rest(), stops.hit) == ("E", False)


@given(st.lists(LETTERS), st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3))
def test_pieces_make_no_difference(pieces: list[str], sequences: list[str]) -> None:
    whole = "".join(pieces)
    found = [at for stop in sequences if (at := whole.find(stop)) >= 0]
    stops = Stops(tuple(sequences))
    got = passed(pieces, stops)
    assert stops.hit == bool(found)
    # Of sequences that overlap, the one that is complete first ends the text.
    assert whole.startswith(got)
    if not found:
        assert got == whole
    else:
        assert len(got) >= min(found)
        assert not any(stop in got for stop in sequences)
