"""Upper bounds on what an embeddings call may consume, known before it is made."""

import unicodedata
from collections.abc import Iterable

from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import Embeddable
from packhouse.domain.estimate import TOKENS_PER_IMAGE
from packhouse.domain.picture import pixels_of

TOKENS_PER_INPUT = 8
"""What a model's template may add to each input."""

TOKENS_PER_SMALL_IMAGE = 1_100
"""What the smallest image may count: older models count each as a thousand tokens."""

TILE_PIXELS = 28
"""The side of the square that newer models make a token of. They scale a large image down to 3,136 of these."""

TOKENS_PER_TILE = 2
"""A square may be cut by scaling, so that two tokens come of it."""


def input_bound(inputs: Iterable[Embeddable]) -> int:
    """No provider reports more input tokens, images included, for these."""
    return sum(_input(each) + TOKENS_PER_INPUT for each in inputs)


def text_bound(text: str) -> int:
    """A byte-level tokenizer makes at most one token of a byte; others at most one of a character, but after they
    spelled out what stands for several: one character of three bytes may stand for eighteen."""
    if text.isascii():
        return len(text)
    return max(len(text.encode()), len(unicodedata.normalize("NFKD", text)))


def image_bound(image: Image) -> int:
    size = pixels_of(image.data)
    if size is None:
        return TOKENS_PER_IMAGE
    across, down = (-(-side // TILE_PIXELS) for side in size)
    return min(TOKENS_PER_IMAGE, TOKENS_PER_SMALL_IMAGE + TOKENS_PER_TILE * across * down)


def _input(each: Embeddable) -> int:
    if isinstance(each, str):
        return text_bound(each)
    if isinstance(each, tuple):
        return len(each)
    return sum(_part(part) for part in each.parts)


def _part(part: Text | Image) -> int:
    return text_bound(part.text) + TOKENS_PER_INPUT if isinstance(part, Text) else image_bound(part)
