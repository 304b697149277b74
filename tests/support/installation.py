"""A database with the tables of an installation and rows put in directly, for tests of the data plane alone."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine

from packhouse.adapters.database.postgres import numbered
from packhouse.adapters.sql.tables import metadata
from packhouse.domain.key import secret_hash, write_key
from packhouse.domain.units import microseconds
from tests.support import postgres

ANCHOR = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Installation:
    """The database (a file, or PostgreSQL's URL) and a place for journals."""

    database: Path | str
    journals: Path

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Runs one statement, foreign keys unchecked."""
        if isinstance(self.database, str):
            return postgres.run(self.database, numbered(statement), *values)
        connection = sqlite3.connect(self.database)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def count(self, statement: str, *values: object) -> int:
        row = self.sql(statement, *values)[0]
        assert isinstance(row[0], int)
        return row[0]

    def pack(self, resource_id: str, kind: str, limits: dict[str, int], *, model: str = "local-text") -> None:
        """An active resource with these monthly limits; the meters `input` and `output` weigh as in S, M, L."""
        self.sql(
            "INSERT INTO resource (id, company_id, type, display_name, environment, region, cri, model, plan,"
            " created_for_name, created_for_email, suspension, created_by, created_at, activated_at)"
            " VALUES (?, 'com_1', ?, 'A pack', 'test', 'eu-central-1', FALSE, ?, 'S', '', '', '', 'usr_1', ?, ?)",
            resource_id,
            kind,
            model,
            microseconds(ANCHOR),
            microseconds(ANCHOR),
        )
        for meter, limit in limits.items():
            self.limit(resource_id, meter, limit, ANCHOR)

    def limit(self, resource_id: str, meter: str, limit: int, from_at: datetime) -> None:
        weights = (0, 1, 0, 0) if meter == "output" else (1, 0, 1, 1)
        self.sql(
            "INSERT INTO resource_limit VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (resource_id, meter, from_at)"
            " DO UPDATE SET limit_amount = excluded.limit_amount",
            resource_id,
            meter,
            microseconds(from_at),
            *weights,
            limit,
        )

    def key(self, key_id: str, resource_id: str, *, public_id: str = "abcdefABCDEF") -> str:
        """A key of a resource; its text."""
        secret = "s" * 32
        self.sql(
            "INSERT INTO api_key (id, public_id, secret_hash, home_resource_id, company_id, created_by, created_at,"
            " description) VALUES (?, ?, ?, ?, 'com_1', 'usr_1', ?, '')",
            key_id,
            public_id,
            secret_hash(secret),
            resource_id,
            microseconds(ANCHOR),
        )
        self.sql("INSERT INTO key_opening VALUES (?, ?, ?)", key_id, resource_id, microseconds(ANCHOR))
        return write_key(public_id, secret)

    def changed(self) -> None:
        """What every change of keys, resources or limits does last."""
        self.sql(
            "INSERT INTO entitlement_revision (id, value) VALUES (1, 1)"
            " ON CONFLICT (id) DO UPDATE SET value = entitlement_revision.value + 1"
        )


@cache
def _template() -> bytes:
    """An empty database; making its tables takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "packhouse.db"
        engine = create_engine(f"sqlite:///{path}")
        metadata.create_all(engine)
        engine.dispose()
        return path.read_bytes()


def install(directory: Path) -> Installation:
    database = directory / "packhouse.db"
    database.write_bytes(_template())
    return Installation(database, directory / "journal")
