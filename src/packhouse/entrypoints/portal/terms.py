"""Third-party terms: where the company stands with them, and accepting them."""

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId
from packhouse.entrypoints.portal.company import COMPANY, company_frame
from packhouse.entrypoints.portal.forms import read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting

TERMS = COMPANY + "/terms"


@get(TERMS)
async def terms(visit: Visiting, company_id: Part) -> Response[str]:
    return await _terms_page(visit, company_id)


@post(TERMS)
async def accept_terms(*, visit: Visiting, request: Asked, company_id: Part) -> Response[str]:
    """The form names the version that was on the screen."""
    form = await read_form(request)
    try:
        await visit.control.terms.accept(
            visit.actor, CompanyId(company_id), terms_id=form["terms"], version=form["version"]
        )
    except Refused as refused:
        return await _terms_page(visit, company_id, refused=refused)
    return go(visit.site, f"/companies/{company_id}/terms?done=terms-accepted")


async def _terms_page(visit: Visit, company_id: str, *, refused: Refused | None = None) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="terms")
    standings = await visit.control.terms.list(visit.actor, framed.company.id)
    return page(visit, "company/terms.html", refused=refused, frame=framed, standings=standings)
