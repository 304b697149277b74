"""What falls due by the passing of time is written down by whoever looks first: here."""

from packhouse.domain.units import CompanyId
from packhouse.services.context import Context
from packhouse.services.dues import is_due, settle


class Lifecycle:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def settle(self, company_id: CompanyId) -> bool:
        """Book what fell due for the company; False where nothing did. Every verb that looks calls it."""
        async with self._context.store.reading() as work:
            if not await is_due(self._context, work, company_id):
                return False
        async with self._context.store.writing() as work:
            await work.companies.lock(company_id)
            return await settle(self._context, work, company_id)

    async def settle_all(self) -> int:
        """For the worker, now and then; how many companies had something due."""
        async with self._context.store.reading() as work:
            companies = await work.companies.all()
        return sum([await self.settle(company.id) for company in companies])
