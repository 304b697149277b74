"""The demo is a stranger's first contact: whatever happened before, it starts, or says in a sentence why not."""

import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from packhouse.adapters.catalog.toml import DEFAULT
from packhouse.cli.demo_state import DemoState
from tests.support.running import demo

pytestmark = [pytest.mark.needs("embeddings"), pytest.mark.needs("weights")]


def refused(directory: Path, *flags: str) -> str:
    """What a demo says that must not start."""
    command = [sys.executable, "-m", "packhouse.cli.main", "demo", "--json", "--data", str(directory / "data")]
    ports = ["--gateway-port", "0", "--control-port", "0"]
    ended = subprocess.run([*command, *ports, *flags], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ended.stdout
    return ended.stderr


def interrupted(directory: Path) -> None:
    """A first start that is killed when its operator is there, and nothing else."""
    command = [sys.executable, "-m", "packhouse.cli.main", "demo", "--json", "--data", str(directory / "data")]
    process = subprocess.Popen(
        [*command, "--gateway-port", "0", "--control-port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=directory,
    )
    assert process.stderr is not None
    while not (directory / "data" / "journal").exists():  # the first thing that a part makes
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.fixture
def taken() -> socket.socket:
    """The worker's usual port, in use: by this test, or by whoever has it already."""
    holder = socket.socket()
    with suppress(OSError):
        holder.bind(("127.0.0.1", 8712))
        holder.listen()
    return holder


def test_a_demo_that_was_interrupted_goes_on(tmp_path: Path, taken: socket.socket) -> None:
    interrupted(tmp_path)
    with demo(tmp_path, worker_port=None) as running:
        first = running.report
        assert first["refusals"] == []
    taken.close()
    state = tmp_path / "data" / "demo.json"
    known = msgspec.json.decode(state.read_bytes(), type=DemoState)
    state.write_bytes(msgspec.json.encode(msgspec.structs.replace(known, company=None)))
    with demo(tmp_path) as running:
        assert running.report["resources"] == first["resources"]
        assert running.report["logins"] == first["logins"]
        with running.api("operator") as api:
            (company,) = api.get("/companies").json()["companies"]
            assert api.get(f"/companies/{company['id']}/balance").json()["granted"] == 200
    assert state.stat().st_mode & 0o777 == 0o600

    said = refused(tmp_path, "--upstream", "openai=http://127.0.0.1:9/v1")
    assert "is on the models local-text and local-embeddings" in said
    assert "another --data" in said
    state.write_bytes(state.read_bytes()[:40])
    assert "damaged" in refused(tmp_path)
    state.unlink()
    assert "`packhouse demo` did not make" in refused(tmp_path)
    (tmp_path / "data" / "packhouse.db").write_bytes(b"not a database" * 100)
    state.write_bytes(msgspec.json.encode(known))
    assert "cannot be used" in refused(tmp_path)


def test_packs_that_are_too_small_do_not_end_the_demo(tmp_path: Path) -> None:
    small = re.sub(r"(input|output) = [\d_]{5,}", r"\1 = 1000", DEFAULT.read_text())
    (tmp_path / "small.toml").write_text(small)
    with demo(tmp_path, "--catalog", str(tmp_path / "small.toml")) as running:
        assert running.report["refusals"][0]["step"] == "ingest"
        assert {each["code"] for each in running.report["refusals"]} == {"quota_exhausted"}
        with running.client() as client:
            assert client.get("/v1/models").status_code == 200
