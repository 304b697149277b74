"""Pages into passages, cut where the text itself pauses."""

import asyncio
from collections.abc import Sequence

from packhouse.ports.documents import Page, Passage


class TextSplitter:
    """Passages never cross a page, so that each has the page it is cited with."""

    async def split(self, pages: Sequence[Page], *, size_characters: int, overlap_characters: int) -> list[Passage]:
        return await asyncio.to_thread(_split, pages, size_characters, min(overlap_characters, size_characters // 2))


def _split(pages: Sequence[Page], size: int, overlap: int) -> list[Passage]:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter  # compiled; only the worker needs it

    plain = TextSplitter(size, overlap=overlap)
    marked = MarkdownSplitter(size, overlap=overlap)
    passages = list[Passage]()
    for page in pages:
        splitter = plain if page.number is not None else marked
        passages += [Passage(chunk, page.number) for chunk in splitter.chunks(page.text) if chunk.strip()]
    return passages
