"""Third-party terms: where a company stands with them, and accepting them."""

from packhouse.domain.activity import Deed
from packhouse.domain.errors import Refused
from packhouse.domain.terms import Acceptance, TermsStanding, standing
from packhouse.domain.units import CompanyId
from packhouse.domain.user import Actor
from packhouse.services.access import company_administered, company_seen, not_found
from packhouse.services.context import Context
from packhouse.services.dues import settle_terms


class ThirdPartyTerms:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, company_id: CompanyId) -> list[TermsStanding]:
        """Every terms document of the catalog. Refused: not_found."""
        async with self._context.reading(actor) as act:
            await company_seen(act, company_id)
            accepted = await act.work.terms.of_company(company_id)
        return [standing(terms, accepted, now=act.now) for terms in self._context.catalog.terms]

    async def accept(self, actor: Actor, company_id: CompanyId, *, terms_id: str, version: str) -> TermsStanding:
        """`version` must be the current one, so that nobody accepts what was not on the screen.

        Refused: not_found, forbidden (company admins only), conflict (not the current version).
        """
        terms = next((one for one in self._context.catalog.terms if one.id == terms_id), None)
        async with self._context.writing(actor) as act:
            await company_administered(act, company_id)
            if terms is None:
                raise not_found("terms document", terms_id)
            if actor.company_id != company_id:
                raise Refused("forbidden", "Terms are accepted by an admin of the company itself.")
            if version != terms.version:
                raise Refused(
                    "conflict",
                    f"The current version is {terms.version}. Read it and accept that one.",
                    version=terms.version,
                )
            await act.work.terms.add(Acceptance(company_id, terms_id, version, act.now, actor.user_id))
            facts = (("version", version),)
            deed = Deed(company_id=company_id, verb="terms.accepted", subject_id=terms_id, facts=facts)
            await act.log(deed)
            await settle_terms(act, company_id)
            return standing(terms, await act.work.terms.of_company(company_id), now=act.now)
