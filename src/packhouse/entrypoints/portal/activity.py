"""The activity log of a resource and of a company, newest first, a page at a time."""

from litestar import Response, get
from litestar.params import FromQuery

from packhouse.domain.units import CompanyId
from packhouse.entrypoints.portal.company import company_frame
from packhouse.entrypoints.portal.pages import page
from packhouse.entrypoints.portal.resource import frame
from packhouse.entrypoints.portal.site import Part, Visiting
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
    return page(visit, "resource/activity.html", frame=framed, entries=entries[:ENTRIES], more=len(entries) > ENTRIES)


@get("/companies/{company_id:str}/activity")
async def company_activity(*, visit: Visiting, company_id: Part, before: FromQuery[int | None] = None) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="activity")
    query = ActivityQuery(company_id=CompanyId(company_id), before=before, limit=ENTRIES + 1)
    entries = await visit.control.activity.list(visit.actor, query)
    verification = await visit.control.activity.verify(visit.actor, CompanyId(company_id))
    return page(
        visit,
        "company/activity.html",
        frame=framed,
        entries=entries[:ENTRIES],
        more=len(entries) > ENTRIES,
        verification=verification,
    )
