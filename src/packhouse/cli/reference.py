"""The reference: pages made from what the code declares, so that none of it goes undocumented.

`python -m packhouse.cli.reference` writes them to `docs/reference`; with `--check` it writes nothing and
fails where a page is not what the code says.
"""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from packhouse.cli.reference_commands import commands
from packhouse.cli.reference_control import PAGE, TYPES_PAGE, control_api, control_types
from packhouse.cli.reference_page import code, page, table
from packhouse.domain.errors import CODES
from packhouse.entrypoints.control.refusals import STATUS as CONTROL_STATUS
from packhouse.entrypoints.gateway.heads import STATUS_OF as HTTP_STATUS
from packhouse.entrypoints.gateway.knowledge.upload import HEADERS as UPLOAD_HEADERS
from packhouse.entrypoints.gateway.refusals import STATUS as GATEWAY_STATUS
from packhouse.entrypoints.gateway.routes import ROUTES
from packhouse.entrypoints.gateway.stamps import HEADERS
from packhouse.settings import SETTINGS

FOLDER = Path("docs/reference")

UPLOADS = (
    "The body is the file itself. The parameters `name` and `metadata` of the query say the same as these headers, but "
    "proxies and load balancers write query strings into their logs: use them only for names that anyone may read."
)


def pages() -> dict[str, str]:
    """Every page: its name below `docs/reference`, and its text."""
    return {
        "commands.md": commands(),
        PAGE: control_api(),
        TYPES_PAGE: control_types(),
        "errors.md": _errors(),
        "gateway-api.md": _gateway_api(),
        "settings.md": _settings(),
    }


def _errors() -> str:
    intro = (
        "A refusal carries one of these codes, which never changes its meaning. The statuses are those of the gateway "
        "and of the control API; a code without one is told by the command line."
    )
    gateway = {**HTTP_STATUS, **GATEWAY_STATUS}
    rows = ((f"`{it}`", _status(gateway.get(it)), _status(CONTROL_STATUS.get(it)), CODES[it]) for it in CODES)
    return page("Error codes", intro, table(("Code", "Gateway", "Control API", "Meaning"), rows))


def _status(status: int | None) -> str:
    return "" if status is None else str(status)


def _gateway_api() -> str:
    intro = "The routes that applications use. A key goes into the `Authorization` header: `Bearer phk_…`."
    spent = {"nothing": "", "both": "text, embeddings"}
    rows = (
        (f"`{it.method} {it.pattern}`", it.summary, "yes" if it.key else "no", spent.get(it.spends, it.spends))
        for it in ROUTES
    )
    routes = table(("Route", "What it does", "Needs a key", "Spends quota of"), rows)
    headers = table(("Header", "What it says"), ((f"`{name}`", text) for name, text in HEADERS.items()))
    uploads = table(("Header", "What it says"), ((f"`{name}`", text) for name, text in UPLOAD_HEADERS.items()))
    return page(
        "Gateway API",
        intro,
        f"{routes}\n\n## Headers of answers to calls\n\n{headers}\n\n## Headers of uploads\n\n{UPLOADS}\n\n{uploads}",
    )


def _settings() -> str:
    intro = (
        "Each is a flag of `packhouse serve` and `packhouse demo`, an environment variable, and a line of the TOML "
        "file that `PACKHOUSE_CONFIG` names. A flag goes before a variable, a variable before the file. A setting "
        "that takes several values takes them separated by commas."
    )
    rows = ((f"`{it.name}`", f"`{it.flag}`", f"`{it.variable}`", code(it.default), it.sentence) for it in SETTINGS)
    return page("Settings", intro, table(("In the file", "Flag", "Variable", "Default", "Meaning"), rows))


def _committed() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}


def _differences(made: dict[str, str]) -> list[str]:
    """A unified diff of each page that is not what it should be; a file that no page is made for counts too."""
    committed = _committed()
    lines: list[str] = []
    for name in sorted(made.keys() | committed.keys()):
        have, want = committed.get(name, "").splitlines(), made.get(name, "").splitlines()
        lines += difflib.unified_diff(have, want, f"{FOLDER / name} (as it is)", "as the code says", lineterm="")
    return lines


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 where `--check` found a difference."""
    made = pages()
    if "--check" in arguments:
        lines = _differences(made)
        print("\n".join([*lines, "docs/reference is out of date: run make docs"]) if lines else "docs/reference: ok")
        return 1 if lines else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in _committed().keys() - made.keys():
        (FOLDER / stale).unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
