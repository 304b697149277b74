"""What falls due by the passing of time is written down by whoever looks first: here."""

from packhouse.domain.units import CompanyId
from packhouse.domain.user import SYSTEM
from packhouse.services.context import Context
from packhouse.services.dues import is_due, settle


class Lifecycle:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def settle(self, company_id: CompanyId) -> bool:
        """Book what fell due for the company; False where nothing did. Every verb that looks calls it."""
        async with self._context.reading(SYSTEM) as act:
            if not await is_due(act, company_id):
                return False
        async with self._context.writing(SYSTEM) as act:
            await act.work.companies.lock(company_id)
            return await settle(act, company_id)

    async def companies(self) -> tuple[CompanyId, ...]:
        """All that something may fall due for, for whoever settles now and then."""
        async with self._context.reading(SYSTEM) as act:
            return tuple(company.id for company in await act.work.companies.all())
