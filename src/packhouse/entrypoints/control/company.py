"""Companies."""

from litestar import get, patch, post
from litestar.params import FromPath, JSONBody

from packhouse.domain.units import CompanyId
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services


class CreateCompany(Body, frozen=True):
    name: str
    self_service: bool = True


class ChangeCompany(Body, frozen=True):
    """What is left out, or null, stays."""

    name: str | None = None
    self_service: bool | None = None
    external_invitations: bool | None = None


class Company(Answer, frozen=True):
    id: str
    name: str
    created_at: Instant
    self_service: bool
    external_invitations: bool


class Companies(Answer, frozen=True):
    companies: list[Company]


@post("/companies", summary="Create a company", opt=refuses("forbidden", "conflict"))
async def create_company(*, control: Services, actor: Caller, data: JSONBody[CreateCompany]) -> Company:
    return Company.of(await control.companies.create(actor, data.name, self_service=data.self_service))


@get("/companies", summary="List the companies that the caller may see")
async def list_companies(*, control: Services, actor: Caller) -> Companies:
    return Companies(companies=[Company.of(one) for one in await control.companies.list(actor)])


@get("/companies/{company_id:str}", summary="Read a company", opt=refuses("not_found"))
async def read_company(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Company:
    return Company.of(await control.companies.get(actor, CompanyId(company_id)))


@patch(
    "/companies/{company_id:str}",
    summary="Rename a company or change what it may do",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def change_company(
    *, control: Services, actor: Caller, company_id: FromPath[str], data: JSONBody[ChangeCompany]
) -> Company:
    changed = await control.companies.change(
        actor,
        CompanyId(company_id),
        name=data.name,
        self_service=data.self_service,
        external_invitations=data.external_invitations,
    )
    return Company.of(changed)


ROUTES = (create_company, list_companies, read_company, change_company)
