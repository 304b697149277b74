"""Pages are counted in files as they are written today: openly, in packed streams of objects, and not at all."""

import io
import zlib

import pytest
from reportlab.pdfgen import canvas

from packhouse.domain.pdf_pages import pages_of


def drawn(pages: int, *, compressed: bool = True) -> bytes:
    data = io.BytesIO()
    drawing = canvas.Canvas(data, pageCompression=int(compressed))
    for page in range(pages):
        drawing.drawString(50, 700, f"page {page}")
        drawing.showPage()
    drawing.save()
    return data.getvalue()


def packed(objects: bytes, *, by: bytes = b"/FlateDecode") -> bytes:
    """A file whose objects stand in a stream, as PDF 1.5 has them."""
    stream = zlib.compress(objects)
    head = b"%%PDF-1.5\n1 0 obj\n<< /Type /ObjStm /N 2 /First 9 /Filter %b /Length %d >>\nstream\n" % (by, len(stream))
    return head + stream + b"\nendstream\nendobj\n"


PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] >>"
TREE = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


@pytest.mark.parametrize("pages", [1, 2, 37])
@pytest.mark.parametrize("compressed", [True, False])
def test_open_entries_are_counted(pages: int, *, compressed: bool) -> None:
    assert pages_of(drawn(pages, compressed=compressed)) == pages


def test_packed_entries_are_counted_with_the_open_ones() -> None:
    assert pages_of(packed(TREE + PAGE * 3)) == 3
    assert pages_of(packed(PAGE * 2) + packed(PAGE) + PAGE) == 4
    assert pages_of(b"%PDF-1.4 " + TREE + PAGE.replace(b" /Page", b"/Page")) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7 nothing of the kind",
        packed(TREE),
        PAGE + packed(PAGE).replace(b"x\x9c", b"xx"),
        b"/Type /PageLabel",
    ],
)
def test_what_does_not_tell_is_not_guessed(data: bytes) -> None:
    assert pages_of(data) is None


def test_what_unpacks_without_an_end_is_not_looked_at_for_ever() -> None:
    bomb = packed(b"\0" * 9_000_000)
    assert len(bomb) < 20_000
    assert pages_of(PAGE + bomb * 1_000) is None
