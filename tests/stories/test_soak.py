"""What `make soak` runs for an hour, for some seconds: all but the growth of memory can be told from that."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import ROOT

SECONDS = 5
PARTS = {"supervisor", "gateway", "control", "worker"}


@pytest.mark.needs("linux")
def test_under_mixed_load_nothing_is_left_held_and_every_call_has_its_record(tmp_path: Path) -> None:
    report = _soaked(tmp_path / "soak.json")
    missed = [goal for goal in report["goals"] if goal["is_met"] is False]
    assert missed == [], report["wrong"]
    assert report["held_at_the_end"] == 0
    assert report["recorded"] == report["passed_on"] > 0
    assert report["processes_after"] == report["processes_before"]
    assert report["processes_before"].keys() == PARTS
    assert max(sample["held"] for sample in report["samples"]) > 0, "quota is leased while calls run"
    assert set(report["answered"]) >= {"plain", "streamed", "streamed, client leaves", "embeddings", "refused: quota"}
    assert report["management_reads"] > 0
    judged = {goal["name"]: goal["is_met"] for goal in report["goals"]}
    assert [is_met for name, is_met in judged.items() if "memory" in name] == [None], "too short to tell"


def _soaked(file: Path) -> dict[str, Any]:
    options = ["--minutes", str(SECONDS / 60), "--every", "0.5", "--measure", "1", "--provider", "simulated"]
    command = [sys.executable, str(ROOT / "benchmarks/soak.py"), *options, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=300)
    assert file.exists(), done.stderr[-2000:]
    sys.stdout.write(done.stdout)
    return json.loads(file.read_text())
