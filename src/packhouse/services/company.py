"""Companies: created by operators, seen by their own people."""

from packhouse.domain.company import Company
from packhouse.domain.units import CompanyId
from packhouse.domain.user import Actor
from packhouse.services.context import Context


class Companies:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, actor: Actor, name: str, *, self_service: bool = True) -> Company:
        """Operators only. Refused: forbidden, conflict (the name is taken), invalid_request."""
        raise NotImplementedError

    async def list(self, actor: Actor) -> list[Company]:
        """All for an operator, else the actor's own; by name."""
        raise NotImplementedError

    async def get(self, actor: Actor, company_id: CompanyId) -> Company:
        """Refused: not_found."""
        raise NotImplementedError

    async def change(
        self,
        actor: Actor,
        company_id: CompanyId,
        *,
        name: str | None = None,
        self_service: bool | None = None,
        external_invitations: bool | None = None,
    ) -> Company:
        """What is None stays. Name and self-service are the operator's; external invitations also the admin's.

        Refused: not_found, forbidden, conflict, invalid_request.
        """
        raise NotImplementedError
