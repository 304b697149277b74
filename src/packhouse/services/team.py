"""The team of a resource: who is in it."""

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource, require
from packhouse.domain.units import ResourceId, UserId
from packhouse.domain.user import Actor, Membership, User, checked_email
from packhouse.ports.store import Work
from packhouse.services.access import not_found, resource_managed, resource_seen
from packhouse.services.context import Context


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
        async with self._context.store.reading() as work:
            resource = await resource_seen(work, actor, resource_id)
            memberships = await work.team.of_resource(resource_id)
            found = [(await work.users.get(one.user_id), one) for one in memberships]
        views = [_view(user, one, resource) for user, one in found if user is not None]
        return sorted(views, key=lambda view: view.user.email)

    async def add(self, actor: Actor, resource_id: ResourceId, email: str) -> MemberView:
        """A user of the resource's company; twice is fine. For internal members, admins, operators.

        Refused: not_found (resource, or no such user of the company), forbidden, resource_inactive.
        """
        now = self._context.clock.now()
        async with self._context.store.writing() as work:
            resource = await resource_managed(work, actor, resource_id)
            require(resource, "use", now)
            user = await work.users.by_email(checked_email(email))
            if user is None or user.disabled_at is not None or user.company_id != resource.company_id:
                raise Refused(
                    "not_found",
                    "The resource's company has no user with this e-mail address. Create the user first.",
                    email=email,
                )
            membership = await work.team.get(resource_id, user.id)
            if membership is None:
                membership = Membership(resource_id, user.id, now, actor.user_id)
                await work.team.add(membership)
                await self._log(work, actor, resource, "team.member_added", user.id)
        return _view(user, membership, resource)

    async def remove(self, actor: Actor, resource_id: ResourceId, user_id: UserId) -> None:
        """Refused: not_found, forbidden."""
        async with self._context.store.writing() as work:
            resource = await resource_managed(work, actor, resource_id)
            if await work.team.get(resource_id, user_id) is None:
                raise not_found("member", user_id)
            await work.team.remove(resource_id, user_id)
            await self._log(work, actor, resource, "team.member_removed", user_id)

    async def _log(self, work: Work, actor: Actor, resource: Resource, verb: str, user_id: UserId) -> None:
        deed = Deed(company_id=resource.company_id, verb=verb, subject_id=user_id, resource_id=resource.id)
        await self._context.log(work, actor, deed)


def _view(user: User, membership: Membership, resource: Resource) -> MemberView:
    return MemberView(user, membership, external=user.company_id != resource.company_id)
