"""Companies: created by operators, seen by their own people."""

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.company import Company, checked_name
from packhouse.domain.units import CompanyId
from packhouse.domain.user import Actor
from packhouse.services.access import company_administered, company_seen, require_operator
from packhouse.services.context import Context


class Companies:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, actor: Actor, name: str, *, self_service: bool = True) -> Company:
        """Operators only. Refused: forbidden, conflict (the name is taken), invalid_request."""
        require_operator(actor)
        company = Company(
            id=CompanyId(self._context.ids.new("com")),
            name=checked_name(name, "name"),
            created_at=self._context.clock.now(),
            self_service=self_service,
        )
        async with self._context.writing(actor) as act:
            await act.work.companies.add(company)
            facts = (("self_service", str(self_service).lower()),)
            deed = Deed(company_id=company.id, verb="company.created", subject_id=company.id, facts=facts)
            await act.log(deed)
        return company

    async def list(self, actor: Actor) -> list[Company]:
        """All for an operator, else the actor's own; by name."""
        async with self._context.reading(actor) as act:
            if actor.is_operator:
                return await act.work.companies.all()
            own = await act.work.companies.get(actor.company_id) if actor.company_id else None
        return [own] if own else []

    async def get(self, actor: Actor, company_id: CompanyId) -> Company:
        """Refused: not_found."""
        async with self._context.reading(actor) as act:
            return await company_seen(act, company_id)

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
        async with self._context.writing(actor) as act:
            company = await company_administered(act, company_id)
            if name is not None or self_service is not None:
                require_operator(actor)
            changes = {
                "name": checked_name(name, "name") if name is not None else None,
                "self_service": self_service,
                "external_invitations": external_invitations,
            }
            made = {field: value for field, value in changes.items() if value is not None}
            changed = msgspec.structs.replace(company, **made)
            await act.work.companies.replace(changed)
            facts = tuple((field, str(value).lower()) for field, value in made.items() if field != "name")
            deed = Deed(company_id=company.id, verb="company.changed", subject_id=company.id, facts=facts)
            await act.log(deed)
        return changed
