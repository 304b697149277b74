"""Keys and what they open, in the database; the secret as a hash only."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.adapters.sql.repository import Repository, Revision, columns
from packhouse.adapters.sql.tables import api_key as table
from packhouse.adapters.sql.tables import key_opening, resource
from packhouse.domain.key import Key, Opening
from packhouse.domain.units import KeyId, ResourceId

_KEY = select(*(column for column in table.c if column.name != "secret_hash"))


class SqlKeys(Repository):
    def __init__(self, sql: AsyncConnection, revision: Revision) -> None:
        super().__init__(sql)
        self._revision = revision

    async def add(self, key: Key, secret_hash: bytes) -> None:
        await self._revision.rise()
        await self._sql.execute(insert(table).values(**columns(key), secret_hash=secret_hash))

    async def get(self, key_id: KeyId) -> Key | None:
        return await self._one(_KEY.where(table.c.id == key_id), Key)

    async def replace(self, key: Key) -> None:
        await self._revision.rise()
        values = columns(key, "id", "last_used_at")
        await self._sql.execute(update(table).where(table.c.id == key.id).values(**values))

    async def opening(self, resource_id: ResourceId) -> list[Key]:
        opening = (
            select(key_opening.c.key_id)
            .join(resource, resource.c.id == key_opening.c.resource_id)
            .where(or_(resource.c.id == resource_id, resource.c.embeddings_resource_id == resource_id))
        )
        query = _KEY.where(table.c.id.in_(opening)).order_by(table.c.created_at.desc(), table.c.id.desc())
        return await self._all(query, Key)

    async def openings(self, key_id: KeyId) -> tuple[tuple[Opening, ResourceId | None], ...]:
        query = (
            select(resource.c.id, resource.c.type, resource.c.embeddings_resource_id)
            .join(key_opening, key_opening.c.resource_id == resource.c.id)
            .join(table, table.c.id == key_opening.c.key_id)
            .where(table.c.id == key_id)
            .order_by(resource.c.id != table.c.home_resource_id, key_opening.c.opened_at, resource.c.id)
        )
        rows = await self._sql.execute(query)
        return tuple((Opening(row.id, row.type), row.embeddings_resource_id) for row in rows)

    async def named(self, key_ids: Collection[str]) -> list[Key]:
        return await self._all(_KEY.where(table.c.id.in_(key_ids)), Key)

    async def open(self, key_id: KeyId, resource_id: ResourceId, *, at: datetime) -> None:
        await self._revision.rise()
        known = await self._sql.scalar(
            select(key_opening.c.key_id).where(key_opening.c.key_id == key_id, key_opening.c.resource_id == resource_id)
        )
        if known is None:
            await self._sql.execute(insert(key_opening).values(key_id=key_id, resource_id=resource_id, opened_at=at))

    async def shut(self, key_id: KeyId, resource_id: ResourceId) -> None:
        await self._revision.rise()
        await self._sql.execute(
            delete(key_opening).where(key_opening.c.key_id == key_id, key_opening.c.resource_id == resource_id)
        )
