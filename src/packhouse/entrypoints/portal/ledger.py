"""Entitlements: the balance, contracts with their grants, and the list of transactions."""

from datetime import UTC, date, datetime, timedelta

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, ContractId
from packhouse.entrypoints.portal.company import COMPANY, company_frame
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.services.ledger import NewContract

ENTITLEMENTS = COMPANY + "/entitlements"
CONTRACT = COMPANY + "/contracts/{contract_id:str}"


@get(ENTITLEMENTS)
async def entitlements(visit: Visiting, company_id: Part) -> Response[str]:
    return await _entitlements_page(visit, company_id, form=EMPTY)


@post(COMPANY + "/contracts")
async def create_contract(*, visit: Visiting, request: Asked, company_id: Part) -> Response[str]:
    """Its last day is part of it."""
    form = await read_form(request)
    try:
        new = NewContract(
            reference=form["reference"],
            start_at=_midnight(form["first_day"], "first_day"),
            end_at=_midnight(form["last_day"], "last_day") + timedelta(days=1),
        )
        await visit.control.entitlements.create_contract(visit.actor, CompanyId(company_id), new=new)
    except Refused as refused:
        return await _entitlements_page(visit, company_id, form=form, refused=refused)
    return go(visit.site, f"/companies/{company_id}/entitlements?done=contract-created")


@get(CONTRACT)
async def contract(*, visit: Visiting, company_id: Part, contract_id: Part) -> Response[str]:
    return await _contract_page(visit, company_id, contract_id=contract_id, form=EMPTY)


@post(CONTRACT + "/grant")
async def grant(*, visit: Visiting, request: Asked, company_id: Part, contract_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        amount = _whole(form["cloud_tokens"])
        await visit.control.entitlements.grant(
            visit.actor, ContractId(contract_id), cloud_tokens=amount, note=form["note"]
        )
    except Refused as refused:
        return await _contract_page(visit, company_id, contract_id=contract_id, form=form, refused=refused)
    return go(visit.site, f"/companies/{company_id}/contracts/{contract_id}?done=granted")


@post(CONTRACT + "/correct")
async def correct(*, visit: Visiting, request: Asked, company_id: Part, contract_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        amount = _whole(form["cloud_tokens"])
        await visit.control.entitlements.correct(
            visit.actor, ContractId(contract_id), cloud_tokens=amount, note=form["note"]
        )
    except Refused as refused:
        return await _contract_page(visit, company_id, contract_id=contract_id, form=form, refused=refused)
    return go(visit.site, f"/companies/{company_id}/contracts/{contract_id}?done=corrected")


async def _entitlements_page(
    visit: Visit, company_id: str, *, form: Form, refused: Refused | None = None
) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="entitlements")
    company = framed.company.id
    contracts = await visit.control.entitlements.contracts(visit.actor, company)
    lines = await visit.control.entitlements.transactions(visit.actor, company)
    return page(
        visit,
        "company/entitlements.html",
        refused=refused,
        frame=framed,
        contracts=contracts,
        lines=list(reversed(lines)),
        form=form,
    )


async def _contract_page(
    visit: Visit, company_id: str, *, contract_id: str, form: Form, refused: Refused | None = None
) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="entitlements")
    contracts = await visit.control.entitlements.contracts(visit.actor, framed.company.id)
    one = next((one for one in contracts if one.contract.id == contract_id), None)
    if one is None:
        raise Refused("not_found", "The company has no such contract.")
    return page(visit, "company/contract.html", refused=refused, frame=framed, one=one, form=form)


def _midnight(typed: str, field: str) -> datetime:
    """Refused(invalid_request) where that is no date."""
    try:
        chosen = date.fromisoformat(typed)
    except ValueError as error:
        raise Refused("invalid_request", "That is not a date, such as 2027-01-31.", field=field) from error
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC)


def _whole(typed: str) -> int:
    """Refused(invalid_request) where that is no whole number."""
    plain = typed.replace(",", "").replace("\u2212", "-")
    if not plain.removeprefix("-").isdecimal() or len(plain) > 15:
        raise Refused("invalid_request", "That is not a whole number, such as 500.", field="cloud_tokens")
    return int(plain)
