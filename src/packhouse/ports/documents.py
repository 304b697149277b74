"""What we need to turn a file into passages of text."""

from collections.abc import Sequence
from typing import Protocol

from packhouse.domain.content import Content


class Page(Content, frozen=True):
    """The text of a page. `number` counts from 1; None where the format has no pages."""

    number: int | None
    text: str


class Passage(Content, frozen=True):
    """A piece of a document that becomes a chunk; `page` is where it begins."""

    text: str
    page: int | None


class Extractor(Protocol):
    async def extract(self, data: bytes, *, name: str, media_type: str) -> list[Page]:
        """Refused: document_type (not taken), document_unreadable (not what it claims), document_empty."""
        ...


class Splitter(Protocol):
    async def split(self, pages: Sequence[Page], *, size_characters: int, overlap_characters: int) -> list[Passage]:
        """On natural boundaries, in order, the same each time for the same input."""
        ...
