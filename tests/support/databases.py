"""Each database that an installation may have, for tests that hold on all of them."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import pytest

from tests.support import postgres
from tests.support.installation import Installation, install

Kind = Literal["sqlite", "postgresql"]

KINDS = [
    pytest.param(kind, marks=[pytest.mark.needs(kind)] if kind == "postgresql" else [], id=kind)
    for kind in get_args(Kind)
]
"""For `pytest.fixture(params=KINDS)`."""


@contextmanager
def installed(kind: Kind, directory: Path) -> Generator[Installation]:
    """A database with this version's tables, and no rows of ours."""
    if kind == "sqlite":
        made = install(directory)
        made.sql("INSERT INTO entitlement_revision (id, value) VALUES (1, 0)")  # as the migrations do
        yield made
        return
    url = postgres.fresh_database()
    try:
        yield Installation(url, directory / "journal")
    finally:
        postgres.drop_database(url)


@contextmanager
def empty(kind: Kind, directory: Path) -> Generator[str]:
    """The store's URL of a database without a table."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{directory / 'packhouse.db'}"
        return
    url = postgres.fresh_database("template0")
    try:
        yield url
    finally:
        postgres.drop_database(url)


@contextmanager
def of_a_demo(kind: Kind, directory: Path) -> Generator[tuple[Installation, dict[str, str]]]:
    """The database of a demo that is started in `directory`, with the environment to start it in."""
    data = directory / "data"
    if kind == "sqlite":
        yield Installation(data / "packhouse.db", data / "journal"), {}
        return
    with empty(kind, directory) as url:
        yield Installation(url, data / "journal"), {"PACKHOUSE_DATABASE": url}


def store_url(installation: Installation) -> str:
    """As `SqlStore` takes it."""
    database = installation.database
    return database if isinstance(database, str) else f"sqlite+aiosqlite:///{database}"
