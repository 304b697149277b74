"""Bedrock's words for formats of images and documents, and names that it takes for documents."""

import re

from packhouse.domain.errors import Refused
from packhouse.domain.picture import picture_type

_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
}
_EXTENSIONS = {
    "htm": "html",
    "markdown": "md",
    "text": "txt",
    **{name: name for name in ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")},
}
_TEXTS = re.compile(r"text/.+|application/(.+\+)?(json|xml|yaml|x-yaml|toml)")
"""Types that are readable as they are."""

_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")
_SPACES = re.compile(r"\s+")
_NAME_CHARACTERS_MAX = 200 - len(" (9999)")


def image_format(media_type: str, *, data: bytes, url: str) -> str:
    """By the first bytes, the media type or the address. Refused(unsupported)."""
    found = picture_type(data, media_type) or picture_type(b"", f"image/{_extension(url)}")
    if not found:
        raise Refused("unsupported", "Images must be PNG, JPEG, GIF or WebP for this model.", field="messages")
    return found.removeprefix("image/")


def document_format(media_type: str, *, name: str, url: str) -> str:
    """By the media type, or the name's or the address's extension. Refused(unsupported)."""
    media_type = _plain(media_type)
    found = _DOCUMENTS.get(media_type) or _EXTENSIONS.get(_extension(name)) or _EXTENSIONS.get(_extension(url))
    if found is None and _TEXTS.fullmatch(media_type):
        found = "txt"
    if found is None:
        raise Refused("unsupported", f"This model takes no documents of type {media_type!r}.", field="messages")
    return found


class DocumentNames:
    """Gives the documents of one request their names: of the characters that Bedrock takes, none twice."""

    __slots__ = ("_given", "_seen")

    def __init__(self) -> None:
        self._given = set[str]()
        self._seen = 0

    def name_for(self, wanted: str) -> str:
        """`wanted` as far as it may be; a document without a name is called by its number."""
        self._seen += 1
        plain = _SPACES.sub(" ", _NOT_IN_NAME.sub(" ", wanted)).strip()[:_NAME_CHARACTERS_MAX].strip()
        name = plain = plain or f"Document {self._seen}"
        number = 2
        while name in self._given:
            name = f"{plain} ({number})"
            number += 1
        self._given.add(name)
        return name


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
