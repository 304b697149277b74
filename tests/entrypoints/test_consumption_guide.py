"""The commands of the guide's page on consumption run as they stand, and print what the page shows."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.browser.scene import Scene, furnished
from tests.support.control_api import live_control

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "consumption.md"
BLOCKS = [block for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL) if block]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Scene, Path]]:
    directory: Path = tmp_path_factory.mktemp("control")
    with live_control(directory) as live:
        yield furnished(live, directory), directory


@pytest.mark.parametrize("block", BLOCKS)
def test_the_commands_run_and_print_what_the_page_shows(scene: tuple[Scene, Path], block: str) -> None:
    furnished_scene, directory = scene
    told = {
        "PACKHOUSE_URL": furnished_scene.live.url,
        "PACKHOUSE_TOKEN": furnished_scene.firm.member.token,
        "PACKHOUSE_DATA": str(directory),
        "NO_COLOR": "1",
    }
    printed = ""
    for command in re.findall(r"^\$ packhouse (.*)$", block, re.MULTILINE):
        words = [
            sys.executable,
            "-m",
            "packhouse.cli.main",
            *shlex.split(command.replace("res_…", furnished_scene.text)),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | told)
        wrong = "--check" in command  # the scene has sums without records
        assert done.returncode == int(wrong), done.stderr
        printed += done.stdout
    shown = [" ".join(line.split()) for line in block.splitlines() if line and not line.startswith("$")]
    assert set(shown) <= {" ".join(line.split()) for line in printed.splitlines()}


def test_there_are_commands_on_the_page() -> None:
    assert sum(block.count("$ packhouse") for block in BLOCKS) >= 8
