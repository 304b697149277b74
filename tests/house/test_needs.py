"""The two promises of tests/support: the network is off, and what cannot run says so in one line."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import ROOT
from tests.support.network import NetworkIsOff, is_loopback

PROBE = """
import pytest
from tests.support import needs

needs.NEEDS["moon"] = (lambda: False, "the moon is not up")

@pytest.mark.needs("moon")
@pytest.mark.parametrize("number", range(3))
def test_moon(number): ...

@pytest.mark.needs("linux")
def test_earth(): ...
"""


def run_probe(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    probe = folder / "test_probe.py"
    probe.write_text(PROBE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.support.needs",
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    return subprocess.run(
        [*command, str(probe)],
        cwd=ROOT,
        env={**os.environ, "CI": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_cannot_run_ends_in_one_line(tmp_path: Path) -> None:
    done = run_probe(tmp_path)
    assert done.returncode == 0
    assert done.stdout.count("3 not run: the moon is not up\n") == 1
    assert done.stdout.count("not run") == 1


def test_what_cannot_run_fails_in_ci(tmp_path: Path) -> None:
    done = run_probe(tmp_path, CI="true")
    assert done.returncode == 1
    assert "not run: the moon is not up" in done.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", b"localhost", "", None])
def test_this_machine_answers(host: object) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "2001:db8::1", "0.0.0.0", b"example.org"])
def test_another_machine_is_out_of_reach(host: str | bytes) -> None:
    assert not is_loopback(host)
    with pytest.raises(NetworkIsOff):
        socket.create_connection((host.decode() if isinstance(host, bytes) else host, 9), timeout=1)
