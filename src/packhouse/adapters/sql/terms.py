"""Acceptances of third-party terms in the database."""

from sqlalchemy import insert, select

from packhouse.adapters.sql.repository import Repository, columns
from packhouse.adapters.sql.tables import terms_acceptance as table
from packhouse.domain.terms import Acceptance
from packhouse.domain.units import CompanyId


class SqlTerms(Repository):
    async def add(self, acceptance: Acceptance) -> None:
        known = await self.of_company(acceptance.company_id)
        if not any((one.terms_id, one.version) == (acceptance.terms_id, acceptance.version) for one in known):
            await self._sql.execute(insert(table).values(**columns(acceptance)))

    async def of_company(self, company_id: CompanyId) -> tuple[Acceptance, ...]:
        query = select(table).where(table.c.company_id == company_id).order_by(table.c.accepted_at)
        return tuple(await self._all(query, Acceptance))
