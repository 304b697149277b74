"""The team of a resource: who is in it."""

import msgspec

from packhouse.domain.units import ResourceId, UserId
from packhouse.domain.user import Actor, Membership, User
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
        raise NotImplementedError

    async def add(self, actor: Actor, resource_id: ResourceId, email: str) -> MemberView:
        """A user of the resource's company; twice is fine. For internal members, admins, operators.

        Refused: not_found (resource, or no such user of the company), forbidden, resource_inactive.
        """
        raise NotImplementedError

    async def remove(self, actor: Actor, resource_id: ResourceId, user_id: UserId) -> None:
        """Refused: not_found, forbidden."""
        raise NotImplementedError
