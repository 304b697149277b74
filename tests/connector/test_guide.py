"""The examples of the guide and the README run as they stand and print what the page says they print."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.connector.gateway import Gateway

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

HANDBOOK = """The warranty on bicycles is five years.

The workshop is open on weekdays from nine to five.
"""


@pytest.mark.parametrize("page", ["docs/guide/connector.md", "connector/README.md"])
def test_the_examples_run(page: str, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "handbook.md").write_text(HANDBOOK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACKHOUSE_CONNECTION_STRING", gateway.connection_string)
    text = (ROOT / page).read_text()
    names: dict[str, object] = {"__name__": "guide"}
    printed = io.StringIO()
    ran = 0
    for fence in FENCE.finditer(text):
        kind, body = fence.groups()
        if kind == "python":
            printed = io.StringIO()
            # As many empty lines before it as the page has, so that a traceback names the page's line.
            source = "\n" * text.count("\n", 0, fence.start(2)) + body
            with contextlib.redirect_stdout(printed):
                exec(compile(source, page, "exec"), names)
            ran += 1
        elif kind == "text":
            assert printed.getvalue() == body
    assert ran
