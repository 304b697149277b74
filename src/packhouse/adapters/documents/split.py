"""Cuts documents into passages: what is embedded, found and cited."""

import asyncio
import re
from collections.abc import Sequence
from itertools import pairwise

from packhouse.ports.documents import Page, Passage

_HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?][\"”»)]?(?=\s|$)")
_ENDS_SENTENCE = (".", "!", "?", ":", '"', "”", "»", ")")


class PassageSplitter:
    """A `Splitter`: headings, then paragraphs, sentences and words are kept whole as far as the size allows.

    A passage never crosses into another page, so that its citation is exact; only a sentence that a page break
    cut is finished on the page where it begins. An overlap of more than half a passage counts as half.
    """

    async def split(self, pages: Sequence[Page], *, size_characters: int, overlap_characters: int) -> list[Passage]:
        overlap = min(overlap_characters, size_characters // 2)
        return await asyncio.to_thread(_split, pages, size=size_characters, overlap=overlap)


def _split(pages: Sequence[Page], *, size: int, overlap: int) -> list[Passage]:
    return [Passage(text, page.number) for page in _finished(pages) for text in _cut(page, size=size, overlap=overlap)]


def _cut(page: Page, *, size: int, overlap: int) -> list[str]:
    import semantic_text_splitter

    markdown = page.number is None and _HEADING.search(page.text)
    splitter = semantic_text_splitter.MarkdownSplitter if markdown else semantic_text_splitter.TextSplitter
    return [text for text in splitter(size, overlap).chunks(page.text) if text.strip()]


def _finished(pages: Sequence[Page]) -> list[Page]:
    """The pages, each with the end of the sentence that goes on overleaf."""
    if not pages:
        return []
    return [Page(page.number, page.text + _overleaf(page, following)) for page, following in pairwise(pages)] + [
        pages[-1]
    ]


def _overleaf(page: Page, following: Page) -> str:
    cut = page.text and not page.text.rstrip().endswith(_ENDS_SENTENCE)
    goes_on = following.text[:1].islower()
    end = _SENTENCE_END.search(following.text)
    return f" {following.text[: end.end()]}" if cut and goes_on and end else ""
