"""What is promised is written: the committed reference is what the code declares, and nothing is left out."""

import re

import pytest

from packhouse.cli import reference
from packhouse.cli.reference_commands import every_command
from packhouse.cli.reference_control import PAGE, TYPES_PAGE, described
from packhouse.domain.errors import CODES
from packhouse.entrypoints.gateway.routes import ROUTES
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


def test_every_refusal_of_a_route_is_an_error_code(pages: dict[str, str]) -> None:
    rows = [line.split(" | ") for line in pages[PAGE].splitlines() if line.startswith("| `")]
    named = {code for row in rows for code in re.findall(r"`(\w+)`", row[-1])}
    assert "balance_short" in named
    assert named <= CODES.keys()


def test_every_setting(pages: dict[str, str]) -> None:
    rows = [f"| `{it.name}` | `{it.flag}` | `{it.variable}` |" for it in SETTINGS]
    assert [row for row in rows if row not in pages["settings.md"]] == []


def test_every_route_of_the_gateway(pages: dict[str, str]) -> None:
    routes = [f"| `{it.method} {it.pattern}` |" for it in ROUTES]
    assert [route for route in routes if route not in pages["gateway-api.md"]] == []


def test_every_route_and_type_of_the_control_api(pages: dict[str, str]) -> None:
    found = described()
    routes = [f"| `{method.upper()} {path}` |" for path, methods in found["paths"].items() for method in methods]
    assert routes
    assert [route for route in routes if route not in pages[PAGE]] == []
    assert [it for it in found["components"]["schemas"] if f"## {it}\n" not in pages[TYPES_PAGE]] == []


def test_every_command(pages: dict[str, str]) -> None:
    names = [name for name, _ in every_command()]
    assert {"packhouse serve", "packhouse demo"} <= set(names)
    assert [name for name in names if f"## `{name}" not in pages["commands.md"]] == []


def test_every_link_leads_somewhere(pages: dict[str, str]) -> None:
    heading = re.compile(r"^## (\w+)$", re.MULTILINE)
    headings = {f"{name}#{found.lower()}" for name, text in pages.items() for found in heading.findall(text)}
    links = {link for text in pages.values() for link in re.findall(r"\]\(([^)]+)\)", text)}
    assert links - headings - pages.keys() == set()
