"""The reference: pages made from what the code declares, so that none of it goes undocumented.

`python -m packhouse.cli.reference` writes them to `docs/reference`; with `--check` it writes nothing and
fails where a page is not what the code says.
"""

import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from packhouse.domain.errors import CODES
from packhouse.settings import SETTINGS

FOLDER = Path("docs/reference")
NOTICE = "<!-- Made by `make docs`; changes made here are lost. -->"


def pages() -> dict[str, str]:
    """Every page: its name below `docs/reference`, and its text."""
    return {"errors.md": _errors(), "settings.md": _settings()}


def _errors() -> str:
    intro = "A refusal carries one of these codes. A code never changes its meaning."
    return _page(
        "Error codes", intro, _table(("Code", "Meaning"), ((f"`{code}`", text) for code, text in CODES.items()))
    )


def _settings() -> str:
    intro = (
        "Each is a flag of `packhouse serve` and `packhouse demo`, an environment variable, and a line of the TOML "
        "file that `PACKHOUSE_CONFIG` names. A flag goes before a variable, a variable before the file. A setting "
        "that takes several values takes them separated by commas."
    )
    rows = ((f"`{it.name}`", f"`{it.flag}`", f"`{it.variable}`", _code(it.default), it.sentence) for it in SETTINGS)
    return _page("Settings", intro, _table(("In the file", "Flag", "Variable", "Default", "Meaning"), rows))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", NOTICE, *parts)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _read(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _differences(made: dict[str, str]) -> list[str]:
    """A unified diff of each page that is not what it should be; a file that no page is made for counts too."""
    names = sorted({*made, *(path.name for path in FOLDER.glob("*.md"))})
    lines: list[str] = []
    for name in names:
        have, want = _read(name).splitlines(), made.get(name, "").splitlines()
        lines += difflib.unified_diff(have, want, f"{FOLDER / name} (as it is)", "as the code says", lineterm="")
    return lines


def main(arguments: Sequence[str]) -> int:
    made = pages()
    if "--check" in arguments:
        lines = _differences(made)
        print("\n".join([*lines, "docs/reference is out of date: run make docs"]) if lines else "docs/reference: ok")
        return 1 if lines else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.glob("*.md"):
        if stale.name not in made:
            stale.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
