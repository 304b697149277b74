"""Users in the database."""

from collections.abc import Iterable, Mapping

from sqlalchemy import insert, select, update

from packhouse.adapters.sql.repository import Repository, columns, taken
from packhouse.adapters.sql.tables import app_user as table
from packhouse.domain.units import CompanyId, UserId
from packhouse.domain.user import User

_USER = select(
    table.c.id,
    table.c.email,
    table.c.name,
    table.c.role,
    table.c.company_id,
    table.c.created_at,
    table.c.disabled_at,
    table.c.password_hash.is_not(None).label("has_password"),
)


class SqlUsers(Repository):
    async def add(self, user: User, password_hash: str | None) -> None:
        with taken("Another user has this e-mail address."):
            await self._sql.execute(insert(table).values(**columns(user, "has_password"), password_hash=password_hash))

    async def get(self, user_id: UserId) -> User | None:
        return await self._one(_USER.where(table.c.id == user_id), User)

    async def by_email(self, email: str) -> User | None:
        return await self._one(_USER.where(table.c.email == email), User)

    async def of_company(self, company_id: CompanyId | None) -> list[User]:
        theirs = table.c.role == "operator" if company_id is None else table.c.company_id == company_id
        return await self._all(_USER.where(theirs).order_by(table.c.email), User)

    async def replace(self, user: User) -> None:
        await self._sql.execute(
            update(table).where(table.c.id == user.id).values(**columns(user, "id", "has_password"))
        )

    async def password_hash(self, user_id: UserId) -> str | None:
        return await self._sql.scalar(select(table.c.password_hash).where(table.c.id == user_id))

    async def set_password(self, user_id: UserId, password_hash: str) -> None:
        await self._sql.execute(update(table).where(table.c.id == user_id).values(password_hash=password_hash))

    async def emails(self, user_ids: Iterable[str]) -> Mapping[str, str]:
        query = select(table.c.id, table.c.email).where(table.c.id.in_(set(user_ids)))
        return {row.id: row.email for row in await self._sql.execute(query)}
