"""Workers are killed at any instant while they raise and deliver alerts: each alert comes, whole, under one id."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from packhouse.domain.month import bundle_month
from packhouse.domain.units import microseconds
from packhouse.domain.webhook import write_secret
from packhouse.ports.alerts import WEBHOOK_AT_ONCE
from tests.support.alerts import hooked, people
from tests.support.databases import KINDS, Kind, installed
from tests.support.installation import ANCHOR, Installation
from tests.support.receivers import hook

PACKS = 40
KILLS = 8
WORKERS = 2
SECONDS = 90


@pytest.mark.parametrize("kind", KINDS)
def test_killed_workers_leave_no_alert_unsaid(kind: Kind, tmp_path: Path) -> None:
    dice = random.Random(11)
    with installed(kind, tmp_path) as installation, hook() as receiver:
        people(installation)
        receiver.seconds = 0.2  # so that some are caught in the middle
        for number in range(2):
            hooked(installation, f"whk_{number}", url=receiver.url)
        packs = [f"res_many_{number:02}" for number in range(PACKS)]
        for pack in packs:
            installation.pack(pack, "text_generation", {"output": 1_000})
        with workers(installation) as running:
            for _ in range(KILLS):
                time.sleep(1.0)  # whoever was started anew is at work again
                for pack in dice.sample(packs, PACKS // 4):
                    use(installation, pack, dice.choice([850, 950, 1_000]))
                time.sleep(dice.uniform(0.1, 1.3))
                running.kill(dice.randrange(WORKERS))
            for pack in packs:
                use(installation, pack, 1_000)
            until_delivered(installation)
        raised = installation.sql("SELECT id, resource_id, kind FROM alert WHERE told")
        assert len({(resource, kind) for _, resource, kind in raised}) == len(raised)
        assert {resource for _, resource, kind in raised if kind == "used_100"} == set(packs)
        assert installation.count("SELECT count(*) FROM alert_delivery") == 2 * len(raised)
        events = receiver.events(write_secret(bytes(32)))
        seen = Counter(event["id"] for event in events)
        assert set(seen) == {alert_id for alert_id, *_ in raised}
        assert min(seen.values()) >= 2  # to either webhook
        assert sum(seen.values()) - 2 * len(raised) <= KILLS * 2 * WEBHOOK_AT_ONCE, (
            "only what a worker died over comes again"
        )
        bodies = {(headers["webhook-id"], body) for _, headers, body in receiver.taken}
        assert len(bodies) == len(seen), "the same message each time"


def use(installation: Installation, pack: str, output: int) -> None:
    """At least so much in the bundle month that runs."""
    month = bundle_month(ANCHOR, datetime.now(UTC))
    installation.sql(
        "INSERT INTO usage_total (resource_id, month_start, meter, used) VALUES (?, ?, 'output', ?)"
        " ON CONFLICT (resource_id, month_start, meter) DO UPDATE SET used = excluded.used"
        " WHERE usage_total.used < excluded.used",
        pack,
        microseconds(month.start_at),
        output,
    )


def until_delivered(installation: Installation) -> None:
    """All that was raised, and nothing is raised any more."""
    deadline = time.monotonic() + SECONDS
    while (
        installation.count("SELECT count(*) FROM alert WHERE kind = 'used_100'") < PACKS
        or installation.count("SELECT count(*) FROM alert_delivery WHERE state <> 'delivered'") > 0
    ):
        assert time.monotonic() < deadline, installation.sql("SELECT state, error, attempts FROM alert_delivery")
        time.sleep(0.1)


class Workers:
    """Processes, each started anew when it is killed."""

    def __init__(self, installation: Installation) -> None:
        self._command = [sys.executable, "-m", "tests.support.alert_process", str(installation.database)]
        self._processes = [self._start() for _ in range(WORKERS)]

    def kill(self, number: int) -> None:
        self._end(self._processes[number])
        self._processes[number] = self._start()

    def end(self) -> None:
        for process in self._processes:
            self._end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        assert process.poll() is None, "a worker ended by itself"
        process.kill()
        process.wait()


@contextmanager
def workers(installation: Installation) -> Generator[Workers]:
    running = Workers(installation)
    try:
        yield running
    finally:
        running.end()
