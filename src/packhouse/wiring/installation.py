"""What comes before a start: a database of this version, and a first operator.

The work is done by a process of its own (`wiring/first_start`), which keeps the heavy libraries of the control plane
out of the one that supervises.
"""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec

import packhouse.adapters.sql
from packhouse.adapters.database.connection import connect
from packhouse.domain.errors import Refused
from packhouse.settings import Settings
from packhouse.wiring.layout import database_of


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


_EXISTS = {
    False: "SELECT count(*) FROM sqlite_master WHERE name = 'app_user'",
    True: "SELECT count(*) FROM pg_class WHERE oid = to_regclass('app_user')",
}


def needs_preparing(settings: Settings) -> bool:
    """Whether the database is missing, older than this version, or without an operator. Loads nothing heavy.

    Refused(unavailable) where its server cannot be used.
    """
    newest = max(path.name[:4] for path in MIGRATIONS.glob("[0-9]*.py"))
    place = database_of(settings)
    if isinstance(place, Path) and not place.exists():
        return True
    try:
        with closing(connect(place, durable=False)) as database:
            ((known,),) = database.run(_EXISTS[database.shares_writing])
            if not known:
                return True
            ((version,),) = database.run("SELECT version_num FROM alembic_version")
            ((users,),) = database.run("SELECT count(*) FROM app_user")
    except (sqlite3.Error, ValueError):
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
