"""Text out of bytes, whatever encoding they are in."""

import codecs
import re

from packhouse.domain.errors import Refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: it begins with the same bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf_16", "utf_32")

_LINE_ENDS = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufeff]")


def decoded(data: bytes) -> str:
    """The text. Refused: document_unreadable, where it is none in any encoding that is known."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise _no_text() from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)
    return text if "\x00" not in text else _guessed(data)


def cleaned(text: str) -> str:
    """Lines end with a newline, and nothing is in between that cannot be read."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text).replace("\x0c", "\n"))


def _guessed(data: bytes) -> str:
    import charset_normalizer

    best = charset_normalizer.from_bytes(data).best()
    if best is None or (b"\x00" in data and not best.encoding.startswith(_WIDE)):
        raise _no_text()
    return str(best)


def _no_text() -> Refused:
    return Refused("document_unreadable", "The file is not text in any encoding that is known. Save it as UTF-8.")
