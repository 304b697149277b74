"""What a part logs: its own lines as the setting says, and of libraries what an operator has to know."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, structlog
from packhouse.wiring.logs import set_up_logs
set_up_logs({level!r}, part="control")
logging.getLogger("aiosqlite").debug("executing INSERT ('$argon2id$secret')")
logging.getLogger("sqlalchemy.engine.Engine").info("INSERT ('$argon2id$secret')")
logging.getLogger("uvicorn.error").warning("library warns")
logging.getLogger("uvicorn.error").error("library fails")
structlog.get_logger("packhouse.demo").debug("own detail")
structlog.get_logger("packhouse.demo").info("own event")
structlog.get_logger("packhouse.demo").error("own error")
"""


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["library warns", "library fails", "own detail", "own event", "own error"]),
        ("info", ["library warns", "library fails", "own event", "own error"]),
        ("error", ["library fails", "own error"]),
    ],
)
def test_libraries_are_heard_from_warning_on(level: str, said: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)], capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["event"] for line in ran.stderr.splitlines()] == said
