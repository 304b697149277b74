"""`packhouse recount`: it says what is wrong, mends it, leaves an entry, and changes nothing twice."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from packhouse.adapters.metering.database import MeterDatabase
from packhouse.settings import load
from packhouse.wiring.installation import FirstOperator, prepare
from tests.ports.test_recount import SUMS, records
from tests.support.databases import KINDS, Kind, empty
from tests.support.installation import Installation

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", KINDS)
async def test_sums_are_checked_and_mended_by_command(kind: Kind, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with empty(kind, data) as url:
        place = url if kind == "postgresql" else data / "packhouse.db"
        environment = os.environ | ({"PACKHOUSE_DATABASE": url} if kind == "postgresql" else {})

        def recount(*flags: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "packhouse.cli.main", "recount", "--data", str(data), *flags]
            return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

        early = recount()
        assert (early.returncode, "Start packhouse serve first" in early.stderr) == (1, True)
        prepared(data, environment)
        installation = Installation(place, data / "journal")
        installation.sql("INSERT INTO company VALUES ('com_1', 'Example', TRUE, TRUE, 0)")
        installation.pack("res_1", "text_generation", {"input": 10**9, "output": 10**9})
        installation.pack("res_2", "embeddings", {"input": 10**9})
        fill(installation)
        fine = recount("--check")
        assert (fine.returncode, "are what their records come to" in fine.stderr) == (0, True)
        installation.sql("UPDATE usage_total SET used = used + 1 WHERE resource_id = 'res_1'")
        installation.sql("DELETE FROM usage_day WHERE resource_id = 'res_2'")
        kept = {table: sorted(installation.sql(f"SELECT * FROM {table}")) for table in SUMS}
        wrong = recount("--check")
        assert wrong.returncode == 1
        assert "usage_total" in wrong.stdout
        assert "usage_day" in wrong.stdout
        assert {table: sorted(installation.sql(f"SELECT * FROM {table}")) for table in SUMS} == kept
        assert recount("--resource", "res_9").returncode == 1
        mended = recount("--resource", "res_1")
        assert (mended.returncode, "usage_day" in mended.stdout) == (0, False)
        assert recount("--check").returncode == 1
        assert recount().returncode == 0
        assert recount("--check").returncode == 0
        verbs = installation.sql(
            "SELECT resource_id, verb FROM activity_entry WHERE company_id = 'com_1' ORDER BY number"
        )
        assert verbs == [("res_1", "resource.usage_recounted"), ("res_2", "resource.usage_recounted")]


def fill(installation: Installation) -> None:
    database = MeterDatabase(installation.database)
    database.drain("proc_1", records(Random(7), 80), counts=[])
    database.close()


def prepared(data: Path, environment: dict[str, str]) -> None:
    """As the first start does."""
    flags = {"data": str(data)}
    if "PACKHOUSE_DATABASE" in environment:
        flags["database"] = environment["PACKHOUSE_DATABASE"]
    prepare(load(flags), FirstOperator(password="correct horse battery"))
