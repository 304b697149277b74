"""The activity log of a resource and of a company, newest first, a page at a time."""

from collections.abc import Mapping

from litestar import Response, get
from litestar.params import FromQuery

from packhouse.domain.units import CompanyId
from packhouse.entrypoints.portal.company import company_frame
from packhouse.entrypoints.portal.pages import page
from packhouse.entrypoints.portal.resource import Frame, frame
from packhouse.entrypoints.portal.site import Part, Visit, Visiting
from packhouse.services.activity import ActivityQuery

ENTRIES = 50


@get("/resources/{resource_id:str}/activity")
async def resource_activity(
    *, visit: Visiting, resource_id: Part, before: FromQuery[int | None] = None
) -> Response[str]:
    framed = await frame(visit, resource_id, tab="activity")
    resource = framed.view.resource
    query = ActivityQuery(company_id=resource.company_id, resource_id=resource.id, before=before, limit=ENTRIES + 1)
    entries = await visit.control.activity.list(visit.actor, query)
    return page(
        visit,
        "resource/activity.html",
        frame=framed,
        entries=entries[:ENTRIES],
        more=len(entries) > ENTRIES,
        subjects=await _of_resource(visit, framed),
    )


@get("/companies/{company_id:str}/activity")
async def company_activity(*, visit: Visiting, company_id: Part, before: FromQuery[int | None] = None) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="activity")
    query = ActivityQuery(company_id=framed.company.id, before=before, limit=ENTRIES + 1)
    entries = await visit.control.activity.list(visit.actor, query)
    return page(
        visit,
        "company/activity.html",
        frame=framed,
        entries=entries[:ENTRIES],
        more=len(entries) > ENTRIES,
        subjects=await _of_company(visit, framed.company.id),
        verification=await visit.control.activity.verify(visit.actor, framed.company.id),
    )


async def _of_resource(visit: Visit, framed: Frame) -> Mapping[str, str]:
    """Names of what its log is about. They are looked up when the log is shown, and gone with what bore them."""
    resource_id = framed.view.resource.id
    members = await visit.control.team.members(visit.actor, resource_id)
    keys = await visit.control.keys.list(visit.actor, resource_id)
    return {
        **{one.user.id: one.user.email for one in members},
        **{one.key.id: one.key.description or one.key.prefix for one in keys},
    }


async def _of_company(visit: Visit, company_id: CompanyId) -> Mapping[str, str]:
    users = await visit.control.users.list(visit.actor, company_id=company_id)
    views = await visit.control.resources.list(visit.actor, company_id=company_id)
    contracts = await visit.control.entitlements.contracts(visit.actor, company_id)
    return {
        **{one.id: one.email for one in users},
        **{one.resource.id: one.resource.display_name for one in views},
        **{one.contract.id: one.contract.reference for one in contracts},
    }
