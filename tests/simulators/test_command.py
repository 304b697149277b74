"""`packhouse simulate`: a process that says where it is, answers, and ends when it is told."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

COMMAND = (sys.executable, "-m", "packhouse.cli.main", "simulate")
CHAT: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


@contextmanager
def running(*arguments: str) -> Generator[Any]:
    """What the command printed once it was ready; afterwards it has ended with 0."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        line = process.stdout.readline()
        yield msgspec.json.decode(line)
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")


def test_one_provider_with_rules_and_a_key(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\ntext = "Good day."\n')
    with running("openai", "--rules", str(rules), "--key", "mine") as said:
        assert (said["provider"], said["key"], said["base_url"]) == ("openai", "mine", said["url"] + "/v1")
        headers = {"authorization": "Bearer mine"}
        reply = httpx.post(f"{said['base_url']}/chat/completions", json=CHAT, headers=headers)
        assert reply.json()["choices"][0]["message"]["content"] == "Good day."
        assert httpx.get(f"{said['url']}/_simulator/seen").json()["calls"] == 1


def test_all_four() -> None:
    with running("all", "--any-key") as said:
        assert list(said) == ["bedrock", "anthropic", "cohere", "openai"]
        assert len({it["url"] for it in said.values()}) == 4
        assert {it["pid"] for it in said.values()} != {os.getpid()}
        assert said["bedrock"]["access_key"]
        assert said["bedrock"]["secret_key"]
        for it in said.values():
            assert httpx.get(f"{it['url']}/_simulator/seen").status_code == 200
        assert httpx.get(f"{said['openai']['base_url']}/models").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("nobody",), 2, "nobody"),
        (("openai", "--rules", "/nowhere.toml"), 2, "nowhere.toml"),
        (("openai", "--replay", "/nowhere.jsonl"), 2, "nowhere.jsonl"),
        (("openai", "--tls-cert", "/nowhere.pem"), 2, "nowhere.pem"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], code: int, why: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert why in done.stderr


def test_a_port_that_is_taken() -> None:
    with running("cohere") as said:
        port = said["url"].rpartition(":")[2]
        done = subprocess.run([*COMMAND, "cohere", "--port", port], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
