"""Third-party terms: where a company stands with them, and accepting them."""

from litestar import get, post
from litestar.params import FromPath, JSONBody

from packhouse.domain.terms import TermsStanding, TermsState
from packhouse.domain.units import CompanyId
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services


class AcceptTerms(Body, frozen=True):
    """`version` is the one that was read; it must be the current one."""

    version: str


class Terms(Answer, frozen=True):
    """`accepted_version` is the newest that the company accepted; in grace it is an older one."""

    id: str
    name: str
    version: str
    link: str
    since_at: Instant
    grace_ends_at: Instant
    state: TermsState
    accepted_version: str | None
    accepted_at: Instant | None
    accepted_by: str | None


class AllTerms(Answer, frozen=True):
    terms: list[Terms]


@get("/companies/{company_id:str}/terms", summary="List third-party terms", opt=refuses("not_found"))
async def list_terms(*, control: Services, actor: Caller, company_id: FromPath[str]) -> AllTerms:
    return AllTerms(terms=[terms(one) for one in await control.terms.list(actor, CompanyId(company_id))])


@post(
    "/companies/{company_id:str}/terms/{terms_id:str}/acceptance",
    status_code=200,
    summary="Accept terms for the company",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def accept_terms(
    *, control: Services, actor: Caller, company_id: FromPath[str], terms_id: FromPath[str], data: JSONBody[AcceptTerms]
) -> Terms:
    return terms(await control.terms.accept(actor, CompanyId(company_id), terms_id=terms_id, version=data.version))


def terms(standing: TermsStanding) -> Terms:
    document, accepted = standing.terms, standing.acceptance
    return Terms(
        id=document.id,
        name=document.name,
        version=document.version,
        link=document.link,
        since_at=document.since_at,
        grace_ends_at=document.grace_ends_at,
        state=standing.state,
        accepted_version=accepted.version if accepted else None,
        accepted_at=accepted.accepted_at if accepted else None,
        accepted_by=accepted.accepted_by if accepted else None,
    )


ROUTES = (list_terms, accept_terms)
