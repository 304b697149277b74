"""Resources: seen by their team and their company's admins, renamed, resized, ended."""

from typing import Literal

import msgspec

from packhouse.domain.month import BundleMonth
from packhouse.domain.resource import Environment, Resource, Status
from packhouse.domain.units import CompanyId, ResourceId
from packhouse.domain.user import Actor
from packhouse.services.context import Context


class ResourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A resource with what is derived from it.

    `models` are the ids that its calls may name (a knowledge base has none). `linked` are the knowledge bases
    that embed with it. `month` is None before its activation.
    """

    resource: Resource
    status: Status
    month: BundleMonth | None
    models: tuple[str, ...]
    linked: tuple[ResourceId, ...] = ()
    notices: tuple[str, ...] = ()


class Resources:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, company_id: CompanyId | None = None) -> list[ResourceView]:
        """With a company: all of it, for its admins and operators (a member gets those of its teams).

        Without: those whose team the actor is in. Newest last. Refused: not_found.
        """
        raise NotImplementedError

    async def get(self, actor: Actor, resource_id: ResourceId) -> ResourceView:
        """For its team, the company's admins and operators. Refused: not_found."""
        raise NotImplementedError

    async def change(
        self,
        actor: Actor,
        resource_id: ResourceId,
        *,
        display_name: str | None = None,
        environment: Environment | None = None,
        model: str | None = None,
    ) -> ResourceView:
        """What is None stays. External members may change the model only.

        Refused: not_found, forbidden, model_unknown, model_ended, model_not_in_region, invalid_request,
        resource_inactive.
        """
        raise NotImplementedError

    async def schedule_deprovision(self, actor: Actor, resource_id: ResourceId) -> ResourceView:
        """At the end of the running bundle month. Refused: not_found, forbidden, resource_inactive,
        conflict (a knowledge base that stays longer is linked to it)."""
        raise NotImplementedError

    async def cancel_scheduled(self, actor: Actor, resource_id: ResourceId) -> ResourceView:
        """Refused: not_found, forbidden, conflict (nothing is scheduled), balance_short, contract_over."""
        raise NotImplementedError

    async def adjust_plan(self, actor: Actor, resource_id: ResourceId, plan: str) -> ResourceView:
        """Up at once, down with the next bundle month. Refused: not_found, forbidden, invalid_request,
        balance_short, contract_over, resource_inactive."""
        raise NotImplementedError
