"""A resource's team: who is in it, who joins, who leaves."""

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.units import ResourceId, UserId
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.resource import frame
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting

TEAM = "/resources/{resource_id:str}/team"
MEMBER = TEAM + "/{user_id:str}/remove"


@get(TEAM)
async def team(visit: Visiting, resource_id: Part) -> Response[str]:
    return await _team_page(visit, resource_id, form=EMPTY)


@post(TEAM)
async def add_member(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        await visit.control.team.add(visit.actor, ResourceId(resource_id), email=form["email"])
    except Refused as refused:
        return await _team_page(visit, resource_id, form=form, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/team?done=member-added")


@get(MEMBER)
async def ask_to_remove(*, visit: Visiting, resource_id: Part, user_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="team")
    members = await visit.control.team.members(visit.actor, framed.view.resource.id)
    member = next((one for one in members if one.user.id == user_id), None)
    if member is None:
        raise Refused("not_found", "The team has no such member.")
    return page(visit, "resource/team_remove.html", frame=framed, member=member)


@post(MEMBER)
async def remove_member(*, visit: Visiting, resource_id: Part, user_id: Part) -> Response[str]:
    try:
        await visit.control.team.remove(visit.actor, ResourceId(resource_id), user_id=UserId(user_id))
    except Refused as refused:
        return await _team_page(visit, resource_id, form=EMPTY, refused=refused)
    own = user_id == visit.user.id and not visit.actor.is_operator and visit.user.role != "admin"
    return go(visit.site, "/" if own else f"/resources/{resource_id}/team?done=member-removed")


async def _team_page(visit: Visit, resource_id: str, *, form: Form, refused: Refused | None = None) -> Response[str]:
    framed = await frame(visit, resource_id, tab="team")
    members = await visit.control.team.members(visit.actor, framed.view.resource.id)
    return page(visit, "resource/team.html", refused=refused, frame=framed, members=members, form=form)
