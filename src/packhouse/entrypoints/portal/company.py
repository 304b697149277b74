"""Companies: the operator's list of them, and the frame and overview of one's Control Center."""

from dataclasses import dataclass

from litestar import Response, get, post

from packhouse.domain.company import Company
from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Balance
from packhouse.domain.units import CompanyId
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.landing import cards
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting

COMPANY = "/companies/{company_id:str}"
TABS = (
    ("resources", "Resources", ""),
    ("entitlements", "Entitlements", "/entitlements"),
    ("people", "People", "/people"),
    ("terms", "Third-party terms", "/terms"),
    ("alerts", "Alerts", "/alerts"),
    ("webhooks", "Webhooks", "/webhooks"),
    ("activity", "Activity", "/activity"),
    ("settings", "Settings", "/settings"),
)


@dataclass(frozen=True, slots=True)
class CompanyFrame:
    """What every page of a company's Control Center shows around its own."""

    company: Company
    balance: Balance
    tab: str

    @property
    def path(self) -> str:
        return f"/companies/{self.company.id}"

    @property
    def tabs(self) -> tuple[tuple[str, str, str], ...]:
        return TABS


async def company_frame(visit: Visit, company_id: str, *, tab: str) -> CompanyFrame:
    """For the company's admins and operators. Refused: not_found, forbidden."""
    wanted = CompanyId(company_id)
    company = await visit.control.companies.get(visit.actor, wanted)
    if not visit.actor.administers(company.id):
        raise Refused("forbidden", "The Control Center is for the admins of the company. Ask one of them.")
    return CompanyFrame(company, await visit.control.entitlements.balance(visit.actor, company.id), tab)


@get("/companies")
async def company_list(visit: Visiting) -> Response[str]:
    """An operator's; anyone else has but one."""
    if not visit.actor.is_operator:
        return go(visit.site, f"/companies/{visit.user.company_id}" if visit.user.company_id else "/")
    return await _list_page(visit, form=EMPTY)


@post("/companies")
async def create_company(visit: Visiting, request: Asked) -> Response[str]:
    form = await read_form(request)
    try:
        company = await visit.control.companies.create(visit.actor, form["name"], self_service="self_service" in form)
    except Refused as refused:
        return await _list_page(visit, form=form, refused=refused)
    return go(visit.site, f"/companies/{company.id}/entitlements?done=company-created")


@get(COMPANY)
async def overview(visit: Visiting, company_id: Part) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="resources")
    views = await visit.control.resources.list(visit.actor, company_id=framed.company.id)
    return page(visit, "company/resources.html", frame=framed, cards=await cards(visit, views))


@get(COMPANY + "/settings")
async def settings(visit: Visiting, company_id: Part) -> Response[str]:
    return await _settings_page(visit, company_id)


@post(COMPANY + "/settings")
async def change_settings(*, visit: Visiting, request: Asked, company_id: Part) -> Response[str]:
    """The operator's switches are not on an admin's form, and are left as they are."""
    form = await read_form(request)
    own = visit.actor.is_operator
    try:
        await visit.control.companies.change(
            visit.actor,
            CompanyId(company_id),
            name=form["name"] if own else None,
            self_service="self_service" in form if own else None,
            external_invitations="external_invitations" in form,
        )
    except Refused as refused:
        return await _settings_page(visit, company_id, form=form, refused=refused)
    return go(visit.site, f"/companies/{company_id}/settings?done=company-saved")


async def _list_page(visit: Visit, *, form: Form, refused: Refused | None = None) -> Response[str]:
    found = await visit.control.companies.list(visit.actor)
    balances = [await visit.control.entitlements.balance(visit.actor, one.id) for one in found]
    rows = list(zip(found, balances, strict=True))
    return page(visit, "companies.html", refused=refused, rows=rows, form=form)


async def _settings_page(
    visit: Visit, company_id: str, *, form: Form | None = None, refused: Refused | None = None
) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="settings")
    return page(visit, "company/settings.html", refused=refused, frame=framed, form=form)
