"""Reads the documents that are taken: PDF, plain text, Markdown."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from packhouse.adapters.documents.kind import kind_of
from packhouse.adapters.documents.pdf import OpenPdf, reflowed
from packhouse.adapters.documents.plain import cleaned, decoded
from packhouse.domain.errors import Refused
from packhouse.ports.documents import Page

CHARACTERS_MAX = 20_000_000
"""Of text in one document; a small file can unfold to much."""

_Result = TypeVar("_Result")


class DocumentExtractor:
    """An `Extractor`. Works in one thread of its own, a page at a time, so that a cancelled call ends soon."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="documents")

    async def extract(self, data: bytes, *, name: str, media_type: str) -> list[Page]:
        if not data:
            raise Refused("document_empty", "The file is empty: it has no bytes at all.")
        if kind_of(data, name=name, media_type=media_type) == "pdf":
            return await self._pdf(data)
        text = await self._run(lambda: cleaned(decoded(data)))
        if not text.strip():
            raise Refused("document_empty", "The file contains no text, only blank space.")
        _bound(len(text))
        return [Page(None, text)]

    async def _pdf(self, data: bytes) -> list[Page]:
        opened = await self._run(lambda: OpenPdf(data))
        found: list[Page] = []
        characters = 0
        try:
            for index in range(opened.pages):
                text = await self._run(lambda index=index: reflowed(opened.text(index)))
                characters += len(text)
                _bound(characters)
                if text:
                    found.append(Page(index + 1, text))
        finally:
            self._thread.submit(opened.close)
        if not found:
            raise Refused(
                "document_empty",
                f"The PDF has no text on its pages ({opened.pages}); most likely they are scanned images. Run text "
                "recognition (OCR) over it and upload the result.",
            )
        return found

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _bound(characters: int) -> None:
    if characters > CHARACTERS_MAX:
        raise Refused(
            "document_unreadable",
            f"The document holds more than {CHARACTERS_MAX:,} characters of text. Upload it in parts.",
        )
