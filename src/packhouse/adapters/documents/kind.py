"""What a file is: its content has the first word, its name and its declared type decide among texts."""

from pathlib import PurePath
from typing import Literal

from packhouse.domain.errors import Refused

Kind = Literal["pdf", "text"]

TAKEN = "PDF, plain text (.txt) and Markdown (.md)"

_TEXT_SUFFIXES = {".txt", ".text", ".md", ".markdown", ".mkd", ".log"}
_TEXT_TYPES = {"text/plain", "text/markdown", "text/x-markdown"}
_SAYS_NOTHING = {"", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded"}
"""Types that clients send when they do not know."""

_PDF = b"%PDF-"
_PDF_WITHIN_BYTES = 1024
"""PDF readers take some bytes before the header, and so do we."""

_BINARY = (
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "an image, a sound or a film"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"{\\rtf", "a Rich Text document"),
    (b"%!PS", "a PostScript document"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)


def kind_of(data: bytes, *, name: str, media_type: str) -> Kind:
    """Refused: document_type, or document_unreadable where a file that calls itself a PDF is none."""
    suffix = PurePath(name).suffix.lower()
    declared = media_type.partition(";")[0].strip().lower()
    if _PDF in data[:_PDF_WITHIN_BYTES]:
        return "pdf"
    if data and (suffix == ".pdf" or declared == "application/pdf"):
        raise Refused("document_unreadable", "The file is not a PDF: it lacks a PDF's first bytes.")
    for magic, what in _BINARY:
        if data.startswith(magic):
            raise Refused("document_type", f"The file is {what}. Taken are {TAKEN}.")
    if suffix in _TEXT_SUFFIXES or (suffix == ".pdf" and not data):
        return "text"
    if declared in _TEXT_TYPES or (declared in _SAYS_NOTHING and suffix == ""):
        return "text"
    raise Refused("document_type", f"Files of the type {suffix or declared} are not taken. Taken are {TAKEN}.")
