"""Third-party terms: what a company must have accepted before a provider's models are provisioned for it."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from packhouse.domain.units import CompanyId, UserId

TermsState = Literal["accepted", "in_grace", "missing"]
"""`in_grace`: an older version is accepted and the new one's grace period still runs."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's terms. An older acceptance counts until `grace_days` after `since_at`."""

    id: str
    name: str
    version: str
    link: str
    since_at: datetime
    grace_days: int = 30

    @property
    def grace_ends_at(self) -> datetime:
        return self.since_at + timedelta(days=self.grace_days)


class Acceptance(msgspec.Struct, frozen=True):
    company_id: CompanyId
    terms_id: str
    version: str
    accepted_at: datetime
    accepted_by: UserId


class TermsStanding(msgspec.Struct, frozen=True):
    """Where a company stands with one provider's terms."""

    terms: Terms
    state: TermsState
    acceptance: Acceptance | None


def standing(terms: Terms, acceptances: tuple[Acceptance, ...], *, now: datetime) -> TermsStanding:
    """Of the acceptances of one company, the current version's counts; else the newest, in grace."""
    own = [one for one in acceptances if one.terms_id == terms.id]
    current = next((one for one in own if one.version == terms.version), None)
    if current is not None:
        return TermsStanding(terms, "accepted", current)
    newest = max(own, key=lambda one: one.accepted_at, default=None)
    if newest is not None and now < terms.grace_ends_at:
        return TermsStanding(terms, "in_grace", newest)
    return TermsStanding(terms, "missing", newest)
