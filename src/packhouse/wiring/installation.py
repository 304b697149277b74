"""What an installation is on disk, and what its first start does: the database, and the first operator.

Run as a program (`python -m packhouse.wiring.installation`, settings on standard input) it keeps the heavy
libraries of the control plane out of the process that supervises.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec

import packhouse.adapters.sql
from packhouse.domain.errors import Refused
from packhouse.settings import Settings


class Layout(msgspec.Struct, frozen=True):
    """Where things lie in the data directory."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "packhouse.db"

    @property
    def journals(self) -> Path:
        return self.root / "journal"

    @property
    def knowledge(self) -> Path:
        return self.root / "knowledge"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def first_link(self) -> Path:
        """The one-time link that the first start writes for the operator."""
        return self.root / "operator-link.txt"


def layout_of(settings: Settings) -> Layout:
    return Layout(Path(settings.data).absolute())


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
        [sys.executable, "-m", "packhouse.wiring.installation"],
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


async def _prepare(settings: Settings, operator: FirstOperator) -> Prepared:
    from packhouse.wiring.services import open_control  # the control plane's libraries, for this process alone

    async with open_control(settings) as (store, control):
        await store.migrate()
        created = await control.users.bootstrap(email=operator.email, name=operator.name, password=operator.password)
    if created is None or created.link_token is None:
        return Prepared()
    return Prepared(link=created.link_token.text)


def main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    settings = msgspec.convert(order["settings"], Settings)
    operator = msgspec.convert(order["operator"], FirstOperator)
    try:
        prepared = asyncio.run(_prepare(settings, operator))
    except Refused as refused:
        prepared = Prepared(refused=refused.message)
    sys.stdout.buffer.write(msgspec.json.encode(prepared))


if __name__ == "__main__":
    main()
