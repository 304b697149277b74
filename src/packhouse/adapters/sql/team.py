"""Teams in the database."""

from sqlalchemy import delete, insert, select

from packhouse.adapters.sql.repository import Repository, columns
from packhouse.adapters.sql.tables import membership as table
from packhouse.domain.units import ResourceId, UserId
from packhouse.domain.user import Membership


class SqlTeams(Repository):
    async def add(self, membership: Membership) -> None:
        if await self.get(membership.resource_id, membership.user_id) is None:
            await self._sql.execute(insert(table).values(**columns(membership)))

    async def remove(self, resource_id: ResourceId, user_id: UserId) -> None:
        await self._sql.execute(delete(table).where(table.c.resource_id == resource_id, table.c.user_id == user_id))

    async def get(self, resource_id: ResourceId, user_id: UserId) -> Membership | None:
        query = select(table).where(table.c.resource_id == resource_id, table.c.user_id == user_id)
        return await self._one(query, Membership)

    async def of_resource(self, resource_id: ResourceId) -> list[Membership]:
        query = select(table).where(table.c.resource_id == resource_id).order_by(table.c.added_at)
        return await self._all(query, Membership)
