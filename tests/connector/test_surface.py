"""What the connector promises as a package: what it says of itself, what it needs, where I/O is."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from packhouse_connector import KeyUnknown, Packhouse, __version__
from packhouse_connector.core.version import NAME_AND_VERSION
from tests.connector.gateway import TEXT_KEY, Gateway

PACKAGE = Path(__file__).resolve().parents[2] / "connector/src/packhouse_connector"


def test_every_call_carries_key_and_version(ph: Packhouse, gateway: Gateway) -> None:
    ph.test()
    ph.chat("?")
    ph.knowledge.collection().upload(b"text", name="a.txt")
    for seen in gateway.seen:
        assert seen.headers["x-packhouse-connector"] == NAME_AND_VERSION == f"python/{__version__}"
        assert seen.headers["authorization"] == "Bearer " + gateway.connection_string.partition("@")[0]


def test_testing_a_key_says_what_it_opens_and_spends_nothing(ph: Packhouse, gateway: Gateway) -> None:
    report = ph.test()
    assert str(report) == ("The key works. Models: local-text, local-embeddings. Knowledge bases: Handbook (0 chunks).")
    assert [(one.type, one.default) for one in report.models] == [("text_generation", True), ("embeddings", True)]
    assert {seen.method for seen in gateway.seen} == {"GET"}


def test_a_key_that_opens_less_is_no_error_and_one_that_opens_nothing_is(gateway: Gateway) -> None:
    with Packhouse(f"{TEXT_KEY}@{gateway.url}") as ph:
        assert str(ph.test()) == "The key works. Models: local-text. Knowledge bases: none."
    with Packhouse(f"phk_unknown_key@{gateway.url}") as ph, pytest.raises(KeyUnknown):
        ph.test()


def test_a_client_of_ones_own_is_used_and_left_open(gateway: Gateway) -> None:
    with httpx.Client(headers={"x-proxy": "yes"}, auth=("user", "word"), follow_redirects=True) as client:
        with Packhouse(gateway.connection_string, client=client) as ph:
            ph.chat("?")
        assert not client.is_closed
    assert gateway.last.headers["x-proxy"] == "yes"
    assert gateway.last.headers["authorization"].startswith("Bearer phk_")


def test_connections_are_closed_with_the_connector(gateway: Gateway) -> None:
    ph = Packhouse(gateway.connection_string)
    ph.close()
    with pytest.raises(RuntimeError, match="closed"):
        ph.chat("?")


def test_the_core_does_no_io() -> None:
    """Nothing below core imports a transport, the network, the clock or the disk."""
    forbidden = re.compile(
        r"^(?:from|import) (?:httpx|socket|ssl|time|random|os|asyncio|threading|pathlib)\b", re.MULTILINE
    )
    offenders = [path.name for path in (PACKAGE / "core").glob("*.py") if forbidden.search(path.read_text())]
    assert offenders == []


def test_it_needs_httpx_and_msgspec_and_nothing_of_the_platform() -> None:
    code = (
        "import sys; before = set(sys.modules); import httpx, msgspec; ours = set(sys.modules) - before; "
        "import packhouse_connector; new = {name.partition('.')[0] for name in set(sys.modules) - before - ours}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.strip() == "['packhouse_connector']"


def test_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
