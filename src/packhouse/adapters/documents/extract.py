"""Text out of files: PDF page by page, plain text and Markdown as they are."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from packhouse.domain.errors import Refused
from packhouse.ports.documents import Page

PDF_MARK = b"%PDF-"
PDF_MARK_WITHIN = 1_024
TEXT_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
TEXT_ENDINGS = (".txt", ".text", ".md", ".markdown")
UNDECIDED = frozenset({"", "application/octet-stream"})
TAKEN = "PDF, TXT and Markdown"


class FileExtractor:
    """Extracts off the event loop, one file at a time: PDFium must not be called from two threads."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="extract")

    async def extract(self, data: bytes, *, name: str, media_type: str) -> list[Page]:
        reader = reader_of(data, name=name, media_type=media_type)
        pages = await asyncio.get_running_loop().run_in_executor(self._thread, reader, data)
        if not any(page.text.strip() for page in pages):
            raise Refused(
                "document_empty",
                "The document contains no text. If its pages are pictures, run text recognition over it first.",
            )
        return pages


def reader_of(data: bytes, *, name: str, media_type: str) -> Callable[[bytes], list[Page]]:
    """By what the bytes are before what the name says. Refused(document_type)."""
    if PDF_MARK in data[:PDF_MARK_WITHIN]:
        return read_pdf
    ending = name.lower()
    if media_type == "application/pdf" or ending.endswith(".pdf"):
        raise Refused("document_unreadable", "The document calls itself a PDF but is none. Export it again.")
    is_text = media_type in TEXT_TYPES or ending.endswith(TEXT_ENDINGS)
    if is_text and (media_type in TEXT_TYPES | UNDECIDED or ending.endswith(TEXT_ENDINGS)):
        return read_text
    kind = media_type or ending.rpartition(".")[2] or "this type"
    raise Refused("document_type", f"Documents of type {kind} are not taken; {TAKEN} are.", media_type=media_type)


def read_pdf(data: bytes) -> list[Page]:
    """Refused(document_unreadable) where it is damaged or wants a password."""
    import pypdfium2  # loads a shared library; only documents need it

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        why = "it wants a password" if "password" in str(error).lower() else "it is damaged"
        raise Refused("document_unreadable", f"The PDF cannot be opened: {why}.") from error
    try:
        return [Page(number, _page_text(document, number - 1)) for number in range(1, len(document) + 1)]
    except pypdfium2.PdfiumError as error:
        raise Refused("document_unreadable", "The PDF has a page that cannot be read: it is damaged.") from error
    finally:
        document.close()


def _page_text(document: Any, index: int) -> str:
    page = document[index]
    text_page = page.get_textpage()
    try:
        return str(text_page.get_text_bounded()).replace("\r\n", "\n").replace("\ufffe", "")
    finally:
        text_page.close()
        page.close()


def read_text(data: bytes) -> list[Page]:
    """UTF-8 where it is, else what charset-normalizer finds. Refused(document_unreadable) for binary data."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        import charset_normalizer  # only files in older encodings need it

        best = charset_normalizer.from_bytes(data).best()
        if best is None:
            raise Refused(
                "document_unreadable", "The document is not text in any known encoding. Save it as UTF-8."
            ) from None
        text = str(best)
    if "\x00" in text:
        raise Refused("document_unreadable", "The document holds binary data, not text.")
    return [Page(None, text.replace("\r\n", "\n"))]
