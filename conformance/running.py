"""A running Packhouse behind which a simulated provider stands: what the suites of others are run against.

Everything is reached as its users reach it: the `packhouse` command of the main environment, its JSON, its URLs.
Another upstream than the simulators: `PACKHOUSE_CONFORMANCE_UPSTREAM=bedrock=http://...`, with `..._KEY` for its key.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKHOUSE = ROOT / ".venv" / "bin" / "packhouse"
RULES = Path(__file__).with_name("rules.toml")
READY_SECONDS = 90


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[dict[str, Any]]:
    """The command's one JSON line, while it serves."""
    process = subprocess.Popen(
        [str(PACKHOUSE), *arguments], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"packhouse {' '.join(arguments)} ended without a word"
        yield json.loads(line)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def upstream(provider: str) -> Iterator[tuple[str, str]]:
    """The upstream's setting and its key."""
    given = os.environ.get("PACKHOUSE_CONFORMANCE_UPSTREAM", "")
    if given:
        if not given.startswith(f"{provider}="):
            pytest.skip(f"the upstream that was given is none of {provider}")
        yield given, os.environ.get("PACKHOUSE_CONFORMANCE_UPSTREAM_KEY", "")
        return
    with running("simulate", provider, "--port", "0", "--rules", str(RULES)) as simulated:
        url = simulated["base_url"]
        yield f"{provider}={url}", simulated["key"]


@contextmanager
def demo(provider: str, directory: Path) -> Iterator[dict[str, Any]]:
    """The demo's JSON, its packs at that provider's upstream."""
    with upstream(provider) as (setting, key):
        ports = ("--gateway-port", "0", "--control-port", "0", "--worker-port", "0")
        more = ("--upstream-key", key) if key else ()
        more += ("--upstream-embeddings-model", "text-embedding-3-small") if provider == "openai" else ()
        with running("demo", "--json", "--data", str(directory), *ports, "--upstream", setting, *more) as said:
            time.sleep(0.1)
            yield said
