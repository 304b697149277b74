"""Text out of PDF files, page by page. PDFium works on one thing at a time, so everything here runs in one thread."""

import re
import threading
from typing import Any, cast

from packhouse.adapters.documents.plain import cleaned
from packhouse.domain.errors import Refused

_PDFIUM = threading.Lock()
"""For the case that two extractors live in one process."""

_BROKEN_WORD = re.compile(r"[\x02\xad\ufffe]\s*")
"""What PDFium writes for a hyphen that only breaks a word at the end of a line."""

_ENDS_SENTENCE = tuple('.!?:;…"”»)')
_BEGINS_ITEM = re.compile(r"^(?:[-–•*▪◦]|\d{1,3}[.)])\s")
_FULL_LINE = 0.75
"""A line that is at least this part of the longest one goes on in the next."""


class OpenPdf:
    """A PDF file in memory; use it from one thread and close it."""

    def __init__(self, data: bytes) -> None:
        """Refused: document_unreadable."""
        import pypdfium2

        self._pdfium = cast("Any", pypdfium2)
        with _PDFIUM:
            try:
                self._file = self._pdfium.PdfDocument(data)
                self.pages: int = len(self._file)
            except self._pdfium.PdfiumError as error:
                raise _unreadable(error) from error

    def text(self, index: int) -> str:
        """The text of a page, counted from 0; empty where it has none or is broken."""
        with _PDFIUM:
            try:
                page = self._file[index]
                try:
                    raw: str = page.get_textpage().get_text_bounded()
                finally:
                    page.close()
            except self._pdfium.PdfiumError:
                return ""
        return raw

    def close(self) -> None:
        with _PDFIUM:
            self._file.close()


def reflowed(text: str) -> str:
    """Lines that a page's width broke are joined again; headings, list items and paragraphs stay apart.

    A PDF knows lines, not paragraphs: one that is nearly as long as the longest goes on in the next.
    """
    lines = [" ".join(line.split()) for line in cleaned(_BROKEN_WORD.sub("", text)).split("\n")]
    longest = max(map(len, lines), default=0)
    joined: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on and line and not _BEGINS_ITEM.match(line):
            joined[-1] = f"{joined[-1]} {line}"
        else:
            joined.append(line)
        goes_on = _goes_on(line, longest)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(joined)).strip()


def _goes_on(line: str, longest: int) -> bool:
    full = len(line) >= longest * _FULL_LINE
    return full and (not line.endswith(_ENDS_SENTENCE) or len(line) >= longest * 0.9)


def _unreadable(error: Exception) -> Refused:
    if "password" in str(error).lower():
        return Refused(
            "document_unreadable", "The PDF is protected by a password. Save it without one and upload it again."
        )
    return Refused("document_unreadable", "The PDF is damaged and cannot be opened. Save it anew and upload it again.")
