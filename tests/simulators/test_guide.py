"""The guide's examples run as they stand and print what the page says they print."""

import contextlib
import io
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from packhouse.simulators import load_rules
from packhouse.simulators.rules import Fault, Rule
from tests.support.needs import ROOT

PAGE = ROOT / "docs" / "guide" / "simulators.md"
PORT = "8901"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def text() -> str:
    """The page, with a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return PAGE.read_text().replace(PORT, str(free.getsockname()[1]))


def test_the_examples_run(text: str) -> None:
    names: dict[str, object] = {"__name__": "guide"}
    printed = io.StringIO()
    started: list[subprocess.Popen[str]] = []
    try:
        for fence in FENCE.finditer(text):
            kind, body = fence.groups()
            if kind == "console":
                started.append(start(body))
            elif kind == "python":
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    exec(compile(body, str(PAGE), "exec"), names)
            elif kind == "text":
                assert printed.getvalue() == body
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert [process.returncode for process in started] == [0]


def start(console: str) -> "subprocess.Popen[str]":
    """The command of the page, which prints what the page says but for its process id."""
    command, said = console.strip().split("\n")
    words = command.removeprefix("$ packhouse ").split()
    process = subprocess.Popen([sys.executable, "-m", "packhouse.cli.main", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    line = msgspec.json.decode(process.stdout.readline())
    assert {**line, "pid": 0} == {**msgspec.json.decode(said), "pid": 0}
    return process


def test_the_rules_are_rules(text: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(next(body for kind, body in FENCE.findall(text) if kind == "toml"))
    assert [rule.when for rule in load_rules(file)] == ["weather", "slowly", "often"]


def test_every_field_is_named(text: str) -> None:
    fields = {*Rule.__struct_fields__, *Fault.__struct_fields__}
    assert [field for field in fields if not re.search(rf"`{field}[` ]", text)] == []
