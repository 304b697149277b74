"""Who may: deny by default, and what is outside the actor's company or team does not exist for them."""

from packhouse.domain.company import Company
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource
from packhouse.domain.units import CompanyId, ResourceId
from packhouse.domain.user import Actor
from packhouse.services.context import Act


def not_found(what: str, id_: str) -> Refused:
    return Refused("not_found", f"There is no {what} {id_!r}, or none that you may see.", id=id_)


def require_operator(actor: Actor) -> None:
    """Refused(forbidden)."""
    if not actor.is_operator:
        raise Refused("forbidden", "Only an operator may do this.")


def require_self_service(actor: Actor, company: Company) -> None:
    """Refused(no_self_service) for the company's own people; an operator fulfils orders."""
    if not (company.self_service or actor.is_operator):
        raise Refused("no_self_service", "The company has no self-service. File an order; an operator fulfils it.")


async def company_seen(act: Act, company_id: CompanyId) -> Company:
    """For everyone of the company and operators. Refused(not_found)."""
    company = await act.work.companies.get(company_id) if act.actor.belongs_to(company_id) else None
    if company is None:
        raise not_found("company", company_id)
    return company


async def company_administered(act: Act, company_id: CompanyId) -> Company:
    """For the company's admins and operators. Refused: not_found, forbidden."""
    company = await company_seen(act, company_id)
    if not act.actor.administers(company_id):
        raise Refused("forbidden", "Only a company admin may do this. Ask one of your company's admins.")
    return company


async def resource_seen(act: Act, resource_id: ResourceId) -> Resource:
    """For the resource's team, its company's admins and operators. Refused(not_found)."""
    resource = await act.work.resources.get(resource_id)
    if resource is None or not (act.actor.administers(resource.company_id) or await is_member(act, resource_id)):
        raise not_found("resource", resource_id)
    return resource


async def resource_administered(act: Act, resource_id: ResourceId) -> Resource:
    """For the company's admins and operators. Refused: not_found, forbidden (its team)."""
    resource = await resource_seen(act, resource_id)
    if not act.actor.administers(resource.company_id):
        raise Refused("forbidden", "Only a company admin may do this. Ask one of your company's admins.")
    return resource


async def resource_managed(act: Act, resource_id: ResourceId) -> Resource:
    """For internal members of the team, the company's admins and operators.

    Refused: not_found, forbidden (external members).
    """
    resource = await resource_seen(act, resource_id)
    if not act.actor.belongs_to(resource.company_id):
        raise Refused("forbidden", "External members may not do this. Ask a member of the resource's company.")
    return resource


async def is_member(act: Act, resource_id: ResourceId) -> bool:
    return await act.work.team.get(resource_id, act.actor.user_id) is not None
