"""The Vercel AI SDK, in its own language, with each provider behind."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from conformance.running import demo

FOLDER = Path(__file__).with_name("ai_sdk")


@pytest.mark.parametrize("provider", ["openai", "anthropic", "bedrock"])
def test_the_sdk_drives_every_feature(provider: str, tmp_path: Path) -> None:
    with demo(provider, tmp_path) as said:
        ran = subprocess.run(
            ["node", "--test", "--test-reporter=tap", "ai_sdk.test.mjs"],
            cwd=FOLDER,
            env={**os.environ, "PACKHOUSE_DEMO": json.dumps(said)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    failed = [line.strip() for line in ran.stdout.splitlines() if line.strip().startswith("not ok")]
    assert ran.returncode == 0, "\n".join([*failed, ran.stdout[-4000:], ran.stderr[-2000:]])
