"""Companies in the database."""

from sqlalchemy import insert, select, update

from packhouse.adapters.sql.repository import Repository, columns, taken
from packhouse.adapters.sql.tables import company as table
from packhouse.domain.company import Company
from packhouse.domain.units import CompanyId

_TAKEN = "Another company has this name; choose another one."


class SqlCompanies(Repository):
    async def add(self, company: Company) -> None:
        with taken(_TAKEN):
            await self._sql.execute(insert(table).values(**columns(company)))

    async def get(self, company_id: CompanyId) -> Company | None:
        return await self._one(select(table).where(table.c.id == company_id), Company)

    async def all(self) -> list[Company]:
        return await self._all(select(table).order_by(table.c.name), Company)

    async def replace(self, company: Company) -> None:
        with taken(_TAKEN):
            await self._sql.execute(update(table).where(table.c.id == company.id).values(**columns(company, "id")))

    async def lock(self, company_id: CompanyId) -> None:
        # SQLite has one writer at a time and compiles this to a plain SELECT
        await self._sql.execute(select(table.c.id).where(table.c.id == company_id).with_for_update())
