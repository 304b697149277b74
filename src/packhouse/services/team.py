"""The team of a resource: who is in it."""

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource, require
from packhouse.domain.units import ResourceId, UserId
from packhouse.domain.user import Actor, Membership, User, checked_email
from packhouse.services.access import not_found, resource_managed, resource_seen
from packhouse.services.context import Act, Context


class MemberView(msgspec.Struct, frozen=True):
    """`external`: the user belongs to another company or to none."""

    user: User
    membership: Membership
    external: bool


class Team:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def members(self, actor: Actor, resource_id: ResourceId) -> list[MemberView]:
        """For the team, the company's admins and operators; by e-mail. Refused: not_found."""
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
            memberships = await act.work.team.of_resource(resource_id)
            found = [(await act.work.users.get(one.user_id), one) for one in memberships]
        views = [_view(user, one, resource=resource) for user, one in found if user is not None]
        return sorted(views, key=lambda view: view.user.email)

    async def add(self, actor: Actor, resource_id: ResourceId, *, email: str) -> MemberView:
        """A user of the resource's company; twice is fine. For internal members, admins, operators.

        Refused: not_found (resource, or no such user of the company), forbidden, resource_inactive.
        """
        async with self._context.writing(actor) as act:
            resource = await resource_managed(act, resource_id)
            require(resource, "use", now=act.now)
            user = await act.work.users.by_email(checked_email(email))
            if user is None or user.disabled_at is not None or user.company_id != resource.company_id:
                raise Refused(
                    "not_found",
                    "The resource's company has no user with this e-mail address. Create the user first.",
                    email=email,
                )
            membership = await act.work.team.get(resource_id, user.id)
            if membership is None:
                membership = Membership(resource_id, user.id, act.now, actor.user_id)
                await act.work.team.add(membership)
                await _log(act, resource, verb="team.member_added", user_id=user.id)
        return _view(user, membership, resource=resource)

    async def remove(self, actor: Actor, resource_id: ResourceId, *, user_id: UserId) -> None:
        """Refused: not_found, forbidden."""
        async with self._context.writing(actor) as act:
            resource = await resource_managed(act, resource_id)
            if await act.work.team.get(resource_id, user_id) is None:
                raise not_found("member", user_id)
            await act.work.team.remove(resource_id, user_id)
            await _log(act, resource, verb="team.member_removed", user_id=user_id)


async def _log(act: Act, resource: Resource, *, verb: str, user_id: UserId) -> None:
    await act.log(Deed(company_id=resource.company_id, verb=verb, subject_id=user_id, resource_id=resource.id))


def _view(user: User, membership: Membership, *, resource: Resource) -> MemberView:
    return MemberView(user, membership, external=user.company_id != resource.company_id)
