"""Documents: what is taken, what is refused and how that is said, and passages that are the same each time."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from packhouse.adapters.documents.extract import DocumentExtractor
from packhouse.adapters.documents.pdf import reflowed
from packhouse.adapters.documents.split import PassageSplitter
from packhouse.domain.errors import Refused
from packhouse.ports.documents import Page

pytestmark = pytest.mark.anyio

DEMO = Path(__file__).parents[2] / "src/packhouse/cli/demo_documents"


def pdf(*pages: Sequence[str], password: str | None = None) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, encrypt=password)
    for lines in pages:
        for place, line in enumerate(lines):
            canvas.drawString(72, 760 - 16 * place, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


async def read(data: bytes, name: str = "a.txt", media_type: str = "") -> list[Page]:
    return await DocumentExtractor().extract(data, name=name, media_type=media_type)


async def refused(data: bytes, name: str, media_type: str = "") -> Refused:
    with pytest.raises(Refused) as caught:
        await read(data, name, media_type)
    return caught.value


async def test_a_pdf_has_pages_numbered_as_in_the_file() -> None:
    pages = await read(pdf(["First page."], [], ["Third page."]), "a.pdf")
    assert [(page.number, page.text) for page in pages] == [(1, "First page."), (3, "Third page.")]


async def test_a_pdf_is_known_by_its_content() -> None:
    assert (await read(pdf(["Text."]), "upload", "application/octet-stream"))[0].number == 1
    assert (await read(b"\n" + pdf(["Text."]), "notes.txt", "text/plain"))[0].number == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
async def test_text_in_any_unicode_encoding(encoding: str) -> None:
    assert (await read("Grüße\r\nund 日本\r".encode(encoding)))[0].text == "Grüße\nund 日本\n"


async def test_text_in_an_old_encoding() -> None:
    text = "Der Tank faßt vierzig Liter Wasser. Die Lampe hält lange, und die Gäste grüßen höflich zurück.\n" * 4
    assert (await read(text.encode("cp1252")))[0].text == text


async def test_markdown_stays_as_it_was_written() -> None:
    assert (await read(b"# Title\n\n- one\n", "a.md"))[0] == Page(None, "# Title\n\n- one\n")


@pytest.mark.parametrize(
    ("data", "name", "media_type", "code"),
    [
        (b"", "a.txt", "text/plain", "document_empty"),
        (b"", "a.pdf", "application/pdf", "document_empty"),
        (b" \n\t ", "a.txt", "", "document_empty"),
        (pdf([], []), "scan.pdf", "", "document_empty"),
        (b"hello", "a.pdf", "application/pdf", "document_unreadable"),
        (b"%PDF-1.7\nnonsense", "a.pdf", "", "document_unreadable"),
        (pdf(["Secret."], password="x"), "a.pdf", "", "document_unreadable"),
        (bytes(range(256)) * 4, "a.txt", "", "document_unreadable"),
        (b"PK\x03\x04rest", "a.docx", "", "document_type"),
        (b"\x89PNG\r\n", "a.txt", "", "document_type"),
        (b"<p>hello</p>", "a.html", "text/html", "document_type"),
        (b"a,b", "table.csv", "text/plain; charset=utf-8", "accepted"),
    ],
)
async def test_what_is_not_taken(data: bytes, name: str, media_type: str, code: str) -> None:
    if code == "accepted":
        assert await read(data, name, media_type)
        return
    assert (await refused(data, name, media_type)).code == code


async def test_refusals_say_what_to_do() -> None:
    assert "text recognition" in (await refused(pdf([]), "a.pdf")).message
    assert "password" in (await refused(pdf(["x"], password="x"), "a.pdf")).message
    assert "Markdown" in (await refused(b"x", "a.xlsx")).message


@settings(max_examples=200)
@given(st.binary(max_size=400), st.sampled_from(["a.pdf", "a.txt", "a.md", "a", "a.bin"]))
async def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    try:
        outcome = [page.text.strip() for page in await read(data, name)]
    except Refused as no:
        outcome = [no.code]
    assert all(outcome)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
async def test_a_pdf_that_was_cut_off_is_read_or_refused(cut: float) -> None:
    whole = (DEMO / "murrel-40-manual.pdf").read_bytes()
    try:
        outcome = "read" if await read(whole[: int(len(whole) * cut)], "a.pdf") else ""
    except Refused as no:
        outcome = no.code
    assert outcome in {"read", "document_unreadable", "document_empty"}


def test_lines_that_the_page_broke_are_joined() -> None:
    text = "1 Heading\nThis line is as long as the page is wide and it\ngoes on here.\n- an item\nShort: 4 kg"
    assert reflowed(text).split("\n") == [
        "1 Heading",
        "This line is as long as the page is wide and it goes on here.",
        "- an item",
        "Short: 4 kg",
    ]


async def test_passages_of_the_demo_keep_their_pages() -> None:
    pages = await read((DEMO / "murrel-40-manual.pdf").read_bytes(), "m.pdf")
    passages = await PassageSplitter().split(pages, size_characters=1_500, overlap_characters=150)
    assert [passage.page for passage in passages] == [1, 2, 3, 4, 5]
    assert "lasts for 9,000 hours" in passages[3].text


async def test_a_sentence_that_a_page_break_cut_is_finished_where_it_begins() -> None:
    pages = [Page(1, "The pump stops when the hose"), Page(2, "is too long. Then call us.")]
    passages = await PassageSplitter().split(pages, size_characters=500, overlap_characters=0)
    assert [(passage.page, passage.text) for passage in passages] == [
        (1, "The pump stops when the hose is too long."),
        (2, "is too long. Then call us."),
    ]


@given(
    st.lists(st.text(min_size=1, max_size=600), max_size=3), st.integers(20, 300), st.integers(0, 400), st.booleans()
)
async def test_passages_hold_the_text_in_order_and_are_never_too_long(
    texts: list[str], size: int, overlap: int, markdown: bool
) -> None:
    if markdown:
        texts = [f"# Title\n\n{text}" for text in texts]
    pages = [Page(None if markdown else place, text) for place, text in enumerate(texts, 1)]
    splitter = PassageSplitter()
    passages = await splitter.split(pages, size_characters=size, overlap_characters=overlap)
    assert passages == await splitter.split(pages, size_characters=size, overlap_characters=overlap)
    assert all(passage.text.strip() and len(passage.text) <= size for passage in passages)
    joined = "".join(passage.text for passage in passages)
    assert set("".join(joined.split())) == set("".join("".join(texts).split()))
