"""What falls due by the passing of time is written down by whoever looks first: here."""

from packhouse.domain.units import CompanyId
from packhouse.services.context import Context


class Lifecycle:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def settle(self, company_id: CompanyId) -> bool:
        """Book what fell due for the company; False where nothing did. Every verb that looks calls it."""
        raise NotImplementedError

    async def settle_all(self) -> int:
        """For the worker, now and then; how many companies had something due."""
        raise NotImplementedError
