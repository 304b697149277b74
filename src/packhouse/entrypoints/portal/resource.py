"""A resource's pages: the frame that they share, and the overview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from litestar import Response, get

from packhouse.domain.units import ResourceId
from packhouse.entrypoints.portal.pages import page
from packhouse.entrypoints.portal.site import Part, Visit, Visiting
from packhouse.entrypoints.portal.snippets import snippets
from packhouse.services.resource_view import ResourceView

TABS = (
    ("overview", "Overview", ""),
    ("consumption", "Consumption", "/consumption"),
    ("alerts", "Alerts", "/alerts"),
    ("keys", "Keys", "/keys"),
    ("team", "Team", "/team"),
    ("activity", "Activity", "/activity"),
    ("settings", "Settings", "/settings"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page of a resource shows around its own. `names` are those of the resources that can be seen."""

    view: ResourceView
    tab: str
    in_team: bool
    administers: bool
    company_name: str
    names: Mapping[ResourceId, str]

    @property
    def path(self) -> str:
        return f"/resources/{self.view.resource.id}"

    @property
    def tabs(self) -> tuple[tuple[str, str, str], ...]:
        return TABS

    @property
    def ends_at(self) -> datetime | None:
        """When it will be deprovisioned; None where that is not scheduled."""
        return self.view.resource.ends_at if self.view.status.scheduled else None

    @property
    def internal(self) -> bool:
        """Members from outside the company may not manage the team nor rename."""
        return self.company_name != ""

    def name_of(self, resource_id: ResourceId) -> str:
        """The id of what the visitor cannot see."""
        return self.names.get(resource_id, resource_id)


async def frame(visit: Visit, resource_id: str, *, tab: str) -> Frame:
    """Refused(not_found)."""
    actor, control = visit.actor, visit.control
    view = await control.resources.get(actor, ResourceId(resource_id))
    company_id = view.resource.company_id
    mine = await control.resources.list(actor)
    seen = await control.resources.list(actor, company_id=company_id) if actor.administers(company_id) else mine
    return Frame(
        view=view,
        tab=tab,
        in_team=any(one.resource.id == view.resource.id for one in mine),
        administers=actor.administers(company_id),
        company_name=await _company_name(visit, view),
        names={one.resource.id: one.resource.display_name for one in (*mine, *seen)},
    )


async def _company_name(visit: Visit, view: ResourceView) -> str:
    """Empty for members from outside."""
    if not visit.actor.belongs_to(view.resource.company_id):
        return ""
    return (await visit.control.companies.get(visit.actor, view.resource.company_id)).name


@get("/resources/{resource_id:str}")
async def overview(visit: Visiting, resource_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="overview")
    active = framed.view.status.state == "active"
    consumption = await visit.control.consumption.running(visit.actor, framed.view.resource.id) if active else None
    return page(
        visit,
        "resource/overview.html",
        frame=framed,
        consumption=consumption,
        snippets=snippets(visit.site, framed.view),
    )
