"""Narrows passages to the sentence that is nearest to a question, by the words that they share."""

import math
import re
from collections import Counter
from collections.abc import Sequence

STEM_CHARACTERS = 5
"""Words are compared by their beginning: `charged` and `charging` are one word here."""

WORD_CHARACTERS_MIN = 3

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=#)|(?<=[^.,;:\s])\n(?=[A-Z0-9])")
"""A line that ends without a stop before one that begins large is a heading, as PDFs have them."""


def narrowed(question: str, texts: Sequence[str]) -> tuple[int, str]:
    """Which of the texts holds the sentence that fits best, and that sentence.

    A word counts the more, the fewer sentences hold it: the square of its inverse frequency's logarithm. Where no
    sentence shares a word with the question the first text is taken as it is: then its meaning has found it, and
    nothing can be told from its words.
    """
    split = [sentences_of(text) for text in texts]
    stems = [[stems_of(sentence) for sentence in sentences] for sentences in split]
    everywhere = Counter(stem for sentences in stems for sentence in sentences for stem in sentence)
    total = sum(map(len, stems))
    wanted = {stem: math.log(1 + total / everywhere[stem]) ** 2 for stem in stems_of(question) if stem in everywhere}
    scores = {
        (text, place): sum(wanted.get(stem, 0.0) for stem in sentence)
        for text, sentences in enumerate(stems)
        for place, sentence in enumerate(sentences)
    }
    best = max(scores, key=lambda place: scores[place], default=None)
    if best is None or scores[best] == 0:
        return 0, " ".join(split[0]) if split else ""
    text, place = best
    return text, split[text][place]


def sentences_of(text: str) -> list[str]:
    """In order, without what stands between them; line breaks within a sentence become blanks."""
    found = (" ".join(sentence.split()) for sentence in _SENTENCE_END.split(text))
    return [sentence for sentence in found if sentence]


def stems_of(text: str) -> frozenset[str]:
    """The beginnings of its words, lower-case; short words tell nothing, numbers do."""
    return frozenset(
        word[:STEM_CHARACTERS]
        for word in _WORD.findall(text.lower())
        if len(word) >= WORD_CHARACTERS_MIN or word.isdigit()
    )
