"""Which sentence of what was found a small model is given."""

from packhouse.services.narrowing import narrowed, sentences_of

MANUAL = (
    "TARNBY WORKS MANUAL\n4 Maintenance\nReplace the filter every 90 days.\nThe lamp lasts for 9,000 hours. Clean it."
)
NOTE = "The gate opens at 6:15. Pallets may weigh at most 900 kilograms.\n\nForklifts are charged in bay 3."


def test_the_sentence_that_shares_the_rarest_words_is_chosen_from_all_texts() -> None:
    assert narrowed("How long does the lamp last?", [NOTE, MANUAL]) == (1, "The lamp lasts for 9,000 hours.")
    assert narrowed("In which bay is a forklift charged?", [NOTE, MANUAL]) == (0, "Forklifts are charged in bay 3.")


def test_headings_are_sentences_of_their_own() -> None:
    assert sentences_of(MANUAL)[:3] == ["TARNBY WORKS MANUAL", "4 Maintenance", "Replace the filter every 90 days."]


def test_without_a_shared_word_the_first_text_stays_whole() -> None:
    assert narrowed("Wie lange?", ["One thing. Another thing.", NOTE]) == (0, "One thing. Another thing.")
    assert narrowed("What?", []) == (0, "")
