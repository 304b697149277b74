"""What is handed out is whole: each wheel holds every file of its package, and names the version once."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.needs import ROOT
from tests.support.sources import tracked_files


@pytest.mark.parametrize("project", ["", "connector/"], ids=["packhouse", "connector"])
def test_a_wheel_holds_every_file(project: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / project, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    sources = f"{project}src/"
    assert {path.removeprefix(sources) for path in tracked_files() if path.startswith(sources)} - held == set()
