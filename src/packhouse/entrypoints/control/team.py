"""The team of a resource."""

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from packhouse.domain.units import ResourceId, UserId
from packhouse.domain.user import Role
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services
from packhouse.services.team import MemberView


class AddMember(Body, frozen=True):
    email: str


class Member(Answer, frozen=True):
    """`external`: the user belongs to another company or to none."""

    user_id: str
    email: str
    name: str
    role: Role
    external: bool
    added_at: Instant
    added_by: str


class Members(Answer, frozen=True):
    members: list[Member]


@get("/resources/{resource_id:str}/members", summary="List the team", opt=refuses("not_found"))
async def list_members(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Members:
    views = await control.team.members(actor, ResourceId(resource_id))
    return Members(members=[_member(view) for view in views])


@post(
    "/resources/{resource_id:str}/members",
    summary="Add a user of the company to the team",
    opt=refuses("not_found", "forbidden", "resource_inactive"),
)
async def add_member(
    *, control: Services, actor: Caller, resource_id: FromPath[str], data: JSONBody[AddMember]
) -> Member:
    return _member(await control.team.add(actor, ResourceId(resource_id), email=data.email))


@delete(
    "/resources/{resource_id:str}/members/{user_id:str}",
    summary="Remove a user from the team",
    opt=refuses("not_found", "forbidden"),
)
async def remove_member(
    *, control: Services, actor: Caller, resource_id: FromPath[str], user_id: FromPath[str]
) -> None:
    await control.team.remove(actor, ResourceId(resource_id), user_id=UserId(user_id))


def _member(view: MemberView) -> Member:
    return Member(
        user_id=view.user.id,
        email=view.user.email,
        name=view.user.name,
        role=view.user.role,
        external=view.external,
        added_at=view.membership.added_at,
        added_by=view.membership.added_by,
    )


ROUTES = (list_members, add_member, remove_member)
