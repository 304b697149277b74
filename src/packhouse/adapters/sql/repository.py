"""What all repositories share: the connection, rows into values, and what a taken name is."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Executable, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.adapters.sql.tables import entitlement_revision
from packhouse.domain.errors import Refused

Value = TypeVar("Value")


class Revision:
    """Tells the data plane, once a transaction, that keys, resources or limits have changed."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql
        self._raised = False

    async def rise(self) -> None:
        if not self._raised:
            await self._sql.execute(update(entitlement_revision).values(value=entitlement_revision.c.value + 1))
            self._raised = True


class Repository:
    """One noun's statements on the connection of one transaction."""

    def __init__(self, sql: AsyncConnection) -> None:
        self._sql = sql

    async def _one(self, query: Executable, kind: type[Value]) -> Value | None:
        row = (await self._sql.execute(query)).mappings().one_or_none()
        return None if row is None else msgspec.convert(plain(row), kind)

    async def _all(self, query: Executable, kind: type[Value]) -> list[Value]:
        rows = (await self._sql.execute(query)).mappings()
        return [msgspec.convert(plain(row), kind) for row in rows]


def plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row by plain names: the library's are a kind of text that msgspec does not take for one."""
    return {str(name): value for name, value in row.items()}


def columns(value: msgspec.Struct, *but: str) -> Mapping[str, Any]:
    """A value's fields as columns of the same names, some left out."""
    fields = msgspec.structs.asdict(value)
    for name in but:
        del fields[name]
    return fields


@contextmanager
def taken(sentence: str) -> Generator[None]:
    """A row that is there already: Refused(conflict) with the sentence."""
    try:
        yield
    except IntegrityError as error:
        raise Refused("conflict", sentence) from error
