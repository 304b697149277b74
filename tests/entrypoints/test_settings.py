"""Settings that cannot work are refused before anything is started, with a sentence that says which and why."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from packhouse.domain.errors import Refused
from packhouse.settings import load
from packhouse.wiring.mistakes import refuse_mistakes
from packhouse.wiring.supervisor import listen


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"parts": [""]}, "`parts` names none"),
        ({"parts": ["gateway,toaster"]}, "toaster"),
        ({"gateway_url": "foo"}, "`gateway_url` is 'foo'"),
        ({"control_url": "ftp://x"}, "`control_url`"),
        ({"control_url": "https://x.example/?a=1"}, "`control_url`"),
        ({"gateway_url": "http://[::1"}, "`gateway_url`"),
        ({"chunk_characters": "300", "chunk_overlap_characters": "300"}, "must be smaller"),
        ({"chunk_characters": "100"}, "must be smaller"),
        ({"drain_seconds": "9"}, "drain_seconds"),
    ],
)
def test_what_cannot_work_is_refused(flags: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        load(flags, environment={})
    assert refused.value.code == "setting_invalid"
    assert said in refused.value.message


def test_the_source_of_a_contradiction_is_named() -> None:
    with pytest.raises(Refused) as refused:
        load({}, environment={"PACKHOUSE_GATEWAY_URL": "genai.example.com"})
    assert "(from the environment)" in refused.value.message


def test_public_urls_may_have_a_path() -> None:
    assert load({"gateway_url": "https://x.example/genai"}, environment={}).gateway_url == "https://x.example/genai"


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_a_local_model_that_is_none_is_refused_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "nope.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused) as refused:
        refuse_mistakes(load({"local_text_model": str(path)}, environment={}))
    assert refused.value.code == "setting_invalid"
    assert str(path) in refused.value.message


@pytest.mark.parametrize("host", ["not a host", "192.0.2.1"])
def test_a_host_that_is_not_ours_is_not_a_port_in_use(host: str) -> None:
    with pytest.raises(Refused) as refused:
        listen("gateway", host, port=0)
    assert refused.value.code == "setting_invalid"
    assert "--gateway-host" in refused.value.message


def test_a_port_in_use_is_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Refused) as refused:
        listen("gateway", "127.0.0.1", port=taken.getsockname()[1])
    assert refused.value.code == "port_in_use"


def test_the_operators_link_is_the_one_of_this_start_until_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "data" / "operator-link.txt"
    url = _serve(tmp_path)
    first = path.read_text()
    assert first.startswith(f"{url}/link/")
    path.write_text(first.replace(":", ";"))  # as an earlier start on another address left it
    url = _serve(tmp_path)
    second = path.read_text()
    assert second.startswith(f"{url}/link/")
    token = first.strip().rpartition("/link/")[2]
    assert (token in second, path.stat().st_mode & 0o777) == (True, 0o600)
    _serve(tmp_path, redeem=token)
    assert path.exists()
    _serve(tmp_path)
    assert not path.exists()


def _serve(directory: Path, *, redeem: str = "") -> str:
    """One start and end of the control part; its URL. `redeem`: the link is used meanwhile."""
    command = [sys.executable, "-m", "packhouse.cli.main", "serve", "--parts", "control", "--control-port", "0"]
    process = subprocess.Popen(
        [*command, "--data", str(directory / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PACKHOUSE_LOG_LEVEL": "error"},
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().partition("control ")[2].partition(";")[0]
        assert url
        if redeem:
            body = {"token": redeem, "password": "correct horse battery"}
            assert httpx.post(f"{url}/api/v1/links/redeem", json=body).status_code == 200
        return url
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
