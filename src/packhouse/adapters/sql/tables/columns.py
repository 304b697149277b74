"""The shapes of columns that all tables share; nothing here is particular to one database."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, MetaData, String
from sqlalchemy.types import TypeDecorator

from packhouse.domain.units import instant, microseconds

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as whole microseconds since the epoch: it sorts, and no database bends it."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(value)


def at(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


def count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def refers(
    name: str, target: str, *, primary_key: bool = False, nullable: bool = False, index: bool = False
) -> Column[str]:
    """A column with the id of a row of another table."""
    return Column(
        name,
        String,
        ForeignKey(target),
        primary_key=primary_key,
        nullable=nullable,
        index=index,
    )
