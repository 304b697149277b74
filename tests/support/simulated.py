"""A simulated provider in a process of its own, as `packhouse simulate` starts it, and a demo that stands before it."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

CATALOG = Path(__file__).parents[2] / "src/packhouse/adapters/catalog/default.toml"
_SMALL = "limits = { input = 2_500_000, output = 1_250_000 }"


class Upstream:
    """A simulator of OpenAI that is up."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    @property
    def flags(self) -> tuple[str, ...]:
        """The demo's packs of both kinds are served by it."""
        return (
            *("--upstream", f"openai={self._said['base_url']}"),
            *("--upstream-key", str(self._said["key"])),
            *("--upstream-embeddings-model", "embed"),
        )

    def seen(self, *, last: int = 0) -> Any:
        """Its own count, and its last calls with their bodies."""
        url = f"{self._said['url']}/_simulator/seen"
        return httpx.get(url, params={"last": last, "bodies": 1}, timeout=60).json()

    def reset(self) -> None:
        httpx.post(f"{self._said['url']}/_simulator/reset").raise_for_status()


@contextmanager
def upstream(directory: Path, rules: str) -> Generator[Upstream]:
    """`rules` is TOML."""
    path = directory / "rules.toml"
    path.write_text(rules)
    command = [sys.executable, "-m", "packhouse.cli.main", "simulate", "openai", "--port", "0", "--rules", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    try:
        yield Upstream(msgspec.json.decode(process.stdout.readline()))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def catalog_with(directory: Path, *, output: int) -> Path:
    """The catalog with so small an output limit in the text packs' plan S."""
    text = CATALOG.read_text()
    assert _SMALL in text
    path = directory / "catalog.toml"
    path.write_text(text.replace(_SMALL, f"limits = {{ input = 500_000_000, output = {output} }}", 1))
    return path
