"""Consumption: how much of a pack is used, and when, by which key and model."""

from packhouse.domain.consumption import Consumption, DayUse, Span, Split
from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor
from packhouse.services.context import Context


class Consumptions:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def running(self, actor: Actor, resource_id: ResourceId) -> Consumption:
        """The running bundle month against its limits. For the team, admins, operators. Refused: not_found."""
        raise NotImplementedError

    async def days(self, actor: Actor, resource_id: ResourceId, span: Span, *, split: Split = "none") -> list[DayUse]:
        """UTC days with consumption in the span, oldest first. Refused: not_found, invalid_request."""
        raise NotImplementedError

    async def csv(self, actor: Actor, resource_id: ResourceId, span: Span, *, split: Split = "none") -> str:
        """The same as CSV with a header. Refused: not_found, invalid_request."""
        raise NotImplementedError
