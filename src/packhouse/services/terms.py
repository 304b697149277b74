"""Third-party terms: where a company stands with them, and accepting them."""

from packhouse.domain.terms import TermsStanding
from packhouse.domain.units import CompanyId
from packhouse.domain.user import Actor
from packhouse.services.context import Context


class ThirdPartyTerms:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, company_id: CompanyId) -> list[TermsStanding]:
        """Every terms document of the catalog. Refused: not_found."""
        raise NotImplementedError

    async def accept(self, actor: Actor, company_id: CompanyId, terms_id: str, *, version: str) -> TermsStanding:
        """`version` must be the current one, so that nobody accepts what was not on the screen.

        Refused: not_found, forbidden (company admins only), conflict (not the current version).
        """
        raise NotImplementedError
