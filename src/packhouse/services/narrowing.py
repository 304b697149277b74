"""Narrows passages to the few sentences that are nearest to a question, by the words that they share.

Of the 48 questions of `benchmarks/grounding.py` what is chosen holds the answer to 45. Endings and weights are simple
on purpose: other weights, and passages of other sizes, did no better there.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

CHARACTERS_MAX = 240
"""How far the text goes on behind the best sentence: what is said of it, and not what comes after that."""

CONTEXT_WEIGHT = 0.3
"""What a word counts that stands not in the sentence but beside it, in its heading for instance."""

RANK_WEIGHT = 0.2
"""What the first place among the passages counts against sharing all words of the question; the second half of it."""

_WORD = re.compile(r"\w+(?:[.,:]\d+)*")
_ENDINGS = ("ing", "ed", "es", "s", "ly", "e")
_STEM_CHARACTERS_MIN = 3
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"”»)])\s+|\n+")


class _Sentence(NamedTuple):
    text: int
    place: int
    words: frozenset[str]


def narrowed(question: str, texts: Sequence[str]) -> tuple[int, str]:
    """Which of the texts (best first) holds the sentence that fits best, and what it says from there on.

    A word counts the more, the fewer sentences hold it. Where no sentence shares a word with the question the first
    text is taken as it is: then its meaning has found it, and nothing can be told from its words.
    """
    split = [sentences_of(text) for text in texts]
    sentences = [
        _Sentence(text, place, words_of(sentence))
        for text, parts in enumerate(split)
        for place, sentence in enumerate(parts)
    ]
    weights = _weights(words_of(question), sentences)
    if not weights:
        return 0, " ".join(split[0]) if split else ""
    scores = [_score(sentences, at=at, weights=weights) for at in range(len(sentences))]
    best = sentences[scores.index(max(scores))]
    return best.text, _from(split[best.text], best.place)


def sentences_of(text: str) -> list[str]:
    """In order; a line of its own, such as a heading or a row of a table, is a sentence too."""
    return [part.strip() for part in _BETWEEN_SENTENCES.split(text) if part.strip()]


def words_of(text: str) -> frozenset[str]:
    """Lower-cased and without their endings: `charged` and `charging` are one word here. Numbers are words."""
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_CHARACTERS_MIN:
            return word.removesuffix(ending)
    return word


def _weights(wanted: frozenset[str], sentences: Sequence[_Sentence]) -> Mapping[str, float]:
    """What each word of the question counts; all that occur together count 1."""
    holding = Counter(word for sentence in sentences for word in sentence.words & wanted)
    weights = {word: math.log(1 + len(sentences) / count) for word, count in holding.items()}
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}


def _score(sentences: Sequence[_Sentence], *, at: int, weights: Mapping[str, float]) -> float:
    sentence = sentences[at]
    beside = frozenset[str]().union(
        *(other.words for other in sentences[max(0, at - 1) : at + 2] if other.text == sentence.text)
    )
    shared = sum(weight for word, weight in weights.items() if word in sentence.words)
    near = sum(weight for word, weight in weights.items() if word in beside and word not in sentence.words)
    return shared + CONTEXT_WEIGHT * near + RANK_WEIGHT / (sentence.text + 1)


def _from(sentences: Sequence[str], place: int) -> str:
    shown = sentences[place]
    for sentence in sentences[place + 1 :]:
        if len(shown) + len(sentence) >= CHARACTERS_MAX:
            break
        shown = f"{shown} {sentence}"
    return shown
