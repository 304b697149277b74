"""The words that migrations are written in. They never change: history must mean the same for ever."""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String


def text(name: str, *, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, String, nullable=null, server_default=default)


def number(name: str, *, null: bool = False, default: str | None = None) -> Column[int]:
    """Counts, amounts, and instants in microseconds since the epoch."""
    return Column(name, BigInteger, nullable=null, server_default=default, autoincrement=False)


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)
