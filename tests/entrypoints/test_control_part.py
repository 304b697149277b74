"""The control part as a process: ready, at work, drained by a signal, and refusing an old database."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from packhouse.adapters.sql.store import SqlStore
from packhouse.settings import load
from packhouse.wiring.layout import layout_of
from tests.support.control_api import CLIENT

GATEWAY = "https://genai.example.com"


@contextmanager
def part(data: Path) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """The process, told what to run, and its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    order = {
        "part": "control",
        "settings": msgspec.to_builtins(load({"data": str(data)}, environment={})),
        "socket": listening.fileno(),
        "gateway_url": GATEWAY,
        "control_url": url,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "packhouse.wiring.part"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(data / "stderr.txt").open("wb"),
        pass_fds=(listening.fileno(),),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    listening.close()
    assert process.stdin is not None
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    try:
        yield process, url
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        assert process.stdout is not None
        process.stdout.close()


def told(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


async def migrated(data: Path) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{layout_of(load({'data': str(data)}, environment={})).database}")
    await store.migrate()
    await store.close()


@pytest.mark.parametrize("end", ["signal", "parent"])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, end: str) -> None:
    asyncio.run(migrated(tmp_path))
    with part(tmp_path) as (process, url):
        assert told(process) == {"ready": "control"}
        assert CLIENT.get(f"{url}/readyz").json() == {"status": "ready"}
        assert CLIENT.get(f"{url}/api/v1/me").status_code == 401
        assert CLIENT.get(f"{url}/sign-in").status_code == 200
        if end == "signal":
            process.send_signal(signal.SIGTERM)
        else:
            assert process.stdin is not None
            process.stdin.close()
        assert process.wait(10) == 0
    written = (tmp_path / "stderr.txt").read_text().splitlines()
    lines = [json.loads(line) for line in written]
    assert {line["route"] for line in lines if line["event"] == "request"} >= {"/readyz", "/api/v1/me", "/sign-in"}
    assert {line["part"] for line in lines} == {"control"}


def test_it_refuses_a_database_without_its_tables(tmp_path: Path) -> None:
    with part(tmp_path) as (process, _):
        assert "older than this version" in told(process)["refused"]
        assert process.wait(10) == 2
