"""What comes before a start: a database of this version, and a first operator.

The work is done by a process of its own (`wiring/first_start`), which keeps the heavy libraries of the control plane
out of the one that supervises.
"""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec

import packhouse.adapters.sql
from packhouse.domain.errors import Refused
from packhouse.settings import Settings
from packhouse.wiring.layout import layout_of


class FirstOperator(msgspec.Struct, frozen=True):
    """Who runs the installation. Without a password they get a one-time link."""

    email: str = "operator@packhouse.local"
    name: str = "Operator"
    password: str | None = None


class Prepared(msgspec.Struct, frozen=True):
    """`link` is the path of the one-time link, empty where the operator exists or has a password."""

    link: str = ""
    refused: str = ""


MIGRATIONS = Path(packhouse.adapters.sql.__file__).parent / "migrations" / "versions"


def needs_preparing(settings: Settings) -> bool:
    """Whether the database is missing, older than this version, or without an operator. Loads nothing heavy."""
    newest = max(path.name[:4] for path in MIGRATIONS.glob("[0-9]*.py"))
    database = layout_of(settings).database
    if not database.exists():
        return True
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            (users,) = connection.execute("SELECT count(*) FROM app_user").fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, TypeError):
        return True
    return version < newest or users == 0


def prepare(settings: Settings, operator: FirstOperator) -> Prepared:
    """Brings the database to this version and makes the first operator, in a process of its own."""
    order = {"settings": msgspec.to_builtins(settings), "operator": msgspec.to_builtins(operator)}
    done = subprocess.run(
        [sys.executable, "-m", "packhouse.wiring.first_start"],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise Refused("internal", "The database could not be prepared; the lines above say why.")
    prepared = msgspec.json.decode(done.stdout, type=Prepared)
    if prepared.refused:
        raise Refused("data_directory_unusable", prepared.refused)
    return prepared
