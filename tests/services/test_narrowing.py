"""Which sentences of what was found a small model is given."""

from hypothesis import given
from hypothesis import strategies as st

from packhouse.services.narrowing import CHARACTERS_MAX, narrowed, sentences_of

MANUAL = (
    "TARNBY WORKS MANUAL\n4 Maintenance\nReplace the filter every 90 days.\nThe lamp lasts for 9,000 hours. Clean it."
)
NOTE = "The gate opens at 6:15. Pallets may weigh at most 900 kilograms.\n\nForklifts are charged in bay 3."
FAULTS = "The code E7 means that the filter is clogged. The code E2 means that the lid is open. Call the service desk."


def test_the_sentence_that_shares_the_rarest_words_is_chosen_from_all_texts() -> None:
    lamp = (1, "The lamp lasts for 9,000 hours. Clean it.")
    assert narrowed("How long does the lamp last?", [NOTE, MANUAL]) == lamp
    assert narrowed("In which bay is a forklift charged?", [NOTE, MANUAL]) == (0, "Forklifts are charged in bay 3.")


def test_short_codes_are_words_too() -> None:
    place, shown = narrowed("What does E2 mean?", [NOTE, FAULTS])
    assert (place, sentences_of(shown)[0]) == (1, "The code E2 means that the lid is open.")


def test_what_comes_behind_the_sentence_goes_along_as_far_as_it_is_short() -> None:
    long = f"The tank holds 40 litres. {'It is blue. ' * 40}"
    _, shown = narrowed("What does the tank hold?", [long])
    assert shown.startswith("The tank holds 40 litres. It is blue.")
    assert len(shown) <= CHARACTERS_MAX


def test_headings_are_sentences_of_their_own() -> None:
    assert sentences_of(MANUAL)[:3] == ["TARNBY WORKS MANUAL", "4 Maintenance", "Replace the filter every 90 days."]
    assert sentences_of('He said: "Stop." Then he went.') == ['He said: "Stop."', "Then he went."]


def test_without_a_shared_word_the_first_text_stays_whole() -> None:
    assert narrowed("Wie lange?", ["One thing. Another thing.", NOTE]) == (0, "One thing. Another thing.")
    assert narrowed("What?", []) == (0, "")


@given(st.text(), st.lists(st.text(), max_size=4))
def test_what_is_shown_stands_in_the_text(question: str, texts: list[str]) -> None:
    place, shown = narrowed(question, texts)
    assert shown in " ".join(sentences_of(texts[place])) if texts else shown == ""
