"""What is promised is written: the committed reference is what the code declares, and nothing is left out."""

import pytest

from packhouse.cli import reference
from packhouse.domain.errors import CODES
from packhouse.settings import SETTINGS
from tests.support.needs import ROOT


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference.pages()


def test_the_committed_pages_are_up_to_date(pages: dict[str, str]) -> None:
    folder = ROOT / reference.FOLDER
    committed = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert committed == pages, "run make docs"


def test_every_error_code(pages: dict[str, str]) -> None:
    assert [code for code in CODES if f"`{code}`" not in pages["errors.md"]] == []


def test_every_setting(pages: dict[str, str]) -> None:
    rows = [f"| `{it.name}` | `{it.flag}` | `{it.variable}` |" for it in SETTINGS]
    assert [row for row in rows if row not in pages["settings.md"]] == []
