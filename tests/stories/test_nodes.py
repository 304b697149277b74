"""Two installations of Packhouse on one PostgreSQL: one quota, one count, and a revoked key is refused by both."""

import asyncio
import sys
import time
from pathlib import Path

import httpx
import pytest

from packhouse.adapters.metering.upkeep import DRAIN_SECONDS, NEWS_SECONDS
from tests.support import postgres
from tests.support.crowd import Caller
from tests.support.databases import empty
from tests.support.installation import Installation
from tests.support.running import Running, demo, serving
from tests.support.simulated import catalog_with, upstream

pytestmark = [pytest.mark.anyio]

LIMIT = 6_000
CALLERS = 12
"""For each node."""
MOST = 60
SETTLED_SECONDS = 30
REFUSED_SECONDS = 30
"""Far more than a busy machine needs."""
RULES = """
[[rules]]
when = "at length"
text = "{long}"
first_delay_seconds = 0.05
""".format(long="word " * 200)


@pytest.mark.needs("postgresql")
async def test_two_nodes_share_one_quota_and_one_list_of_keys(tmp_path: Path) -> None:
    with empty("postgresql", tmp_path) as url, upstream(tmp_path, RULES) as provider:
        installation = Installation(url, tmp_path / "data" / "journal")
        flags = (*provider.flags, "--catalog", str(catalog_with(tmp_path, output=LIMIT)))
        secret = {"PACKHOUSE_DATABASE": url}
        with (
            demo(tmp_path, *flags, environment=secret) as running,
            serving(tmp_path / "second", *flags, "--parts", "gateway", environment=secret) as second,
        ):
            await use_up([running.gateway, second.gateway], running.report["keys"]["text"])
            settled(installation)
            used = installation.count("SELECT sum(used) FROM usage_total WHERE meter = 'output'")
            assert LIMIT * 0.95 <= used <= LIMIT
            assert used == provider.seen()["usage"]["output"]
            assert installation.count("SELECT count(*) FROM meter_process WHERE kind = 'gateway'") == 2
            revoked_everywhere(running, second.gateway)
    for errors in (tmp_path / "stderr.txt", tmp_path / "second" / "stderr.txt"):
        assert postgres.PASSWORD not in errors.read_text()


async def use_up(gateways: list[str], key: str) -> None:
    """All callers of all nodes at once, each until it is refused."""

    async def calls(gateway: str) -> None:
        caller = Caller(gateway, key)
        while await caller.ask("Tell me at length.", output_tokens=MOST) is None:
            pass
        caller.close()

    await asyncio.gather(*(calls(gateway) for gateway in gateways * CALLERS))


def settled(installation: Installation) -> None:
    """Until no process has anything set aside."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while installation.count("SELECT coalesce(sum(amount), 0) FROM meter_block"):
        assert time.monotonic() < deadline, installation.sql("SELECT * FROM meter_block")
        time.sleep(0.2)


def revoked_everywhere(running: Running, second: str) -> None:
    """Revoked at the first node's portal, refused by the other, which knew the key."""
    key = running.report["keys"]["text"]
    assert _models(second, key) == 200
    resource = running.report["resources"]["text"]
    with running.api() as api:
        keys = api.get(f"/resources/{resource}/keys").json()["keys"]
        (key_id,) = [each["id"] for each in keys if each["description"] == "demo: text"]
        api.delete(f"/keys/{key_id}").raise_for_status()
    revoked_at = time.monotonic()
    while _models(second, key) != 401:
        assert time.monotonic() < revoked_at + REFUSED_SECONDS
        time.sleep(0.01)
    sys.stdout.write(f"refused by the other node {time.monotonic() - revoked_at:.2f} s after it was revoked\n")


def _models(gateway: str, key: str) -> int:
    return httpx.get(f"{gateway}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=60).status_code


def test_news_of_a_revoked_key_is_looked_for_more_often_than_once_a_second() -> None:
    assert NEWS_SECONDS + DRAIN_SECONDS < 0.5
