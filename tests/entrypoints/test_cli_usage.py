"""`packhouse usage` over weeks of consumption: the month with its forecast, months, and named spans."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.browser.scene import Scene, furnished
from tests.support.control_api import live_control

Usage = Callable[..., str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    directory: Path = tmp_path_factory.mktemp("control")
    with live_control(directory) as live:
        yield furnished(live, directory)


@pytest.fixture
def usage(scene: Scene, tmp_path: Path) -> Usage:
    """The command as a member of the team; what it prints."""
    told = {"PACKHOUSE_URL": scene.live.url, "PACKHOUSE_TOKEN": scene.firm.member.token}
    env = os.environ | told | {"XDG_CONFIG_HOME": str(tmp_path), "NO_COLOR": "1"}

    def ran(*arguments: str) -> str:
        command = [sys.executable, "-m", "packhouse.cli.main", "usage", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return ran


def test_the_month_is_shown_with_its_forecast(scene: Scene, usage: Usage) -> None:
    shown = usage(scene.text)
    assert "1,593,670" in shown
    assert "by the refill (" in shown
    assert "; it lasts." in shown
    assert "; likely used up 2026-02-2" in shown
    told = json.loads(usage(scene.text, "--json"))
    meters = {one["meter"]: one["forecast"] for one in told["meters"]}
    assert meters["input"]["runs_dry_at"] is None
    assert meters["output"]["likely"]
    assert meters["output"]["low"] <= meters["output"]["expected"] <= meters["output"]["high"]


def test_spans_have_names(scene: Scene, usage: Usage) -> None:
    week = json.loads(usage(scene.text, "--span", "week", "--json"))
    assert [one["day"] for one in week["days"]] == [f"2026-02-{day}" for day in range(15, 21)]
    rows = list(csv.DictReader(io.StringIO(usage(scene.text, "--span", "six_months", "--split", "model", "--csv"))))
    assert {row["model"] for row in rows} == {"local-text"}
    assert sum(int(row["calls"]) for row in rows) == 169
    by_key = usage(scene.text, "--span", "month_to_date", "--split", "key")
    assert "Help desk, production" in by_key
    assert "2026-01-31" not in by_key


def test_bundle_months_are_compared(scene: Scene, usage: Usage) -> None:
    before = scene.live.clock.now()
    scene.live.clock.set(before + timedelta(days=6, hours=22))
    try:
        months = json.loads(usage(scene.text, "--months", "--json"))["months"]
        assert "2026-01-31" in usage(scene.text, "--months")
        back = json.loads(usage(scene.text, "--back", "1", "--json"))
    finally:
        scene.live.clock.set(before)
    assert [[(use["used"], use["limit"]) for use in one["meters"]] for one in months] == [
        [(0, 2_500_000), (0, 1_250_000)],
        [(1_593_670, 2_500_000), (1_030_900, 1_250_000)],
    ]
    assert (len(back["days"]), back["from_at"][:10]) == (21, "2026-01-31")
    assert "676" in usage(scene.knowledge, "--months")
