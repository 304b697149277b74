"""Resources: seen by their team and their company's admins, renamed, resized, ended."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
from msgspec.structs import replace

from packhouse.domain.catalog import Model
from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.resource import (
    Environment,
    Resource,
    ScheduledDowngrade,
    deprovision_scheduled,
    require,
    scheduled_cancelled,
)
from packhouse.domain.units import CompanyId, ResourceId
from packhouse.domain.user import Actor
from packhouse.services.access import (
    company_administered,
    company_seen,
    require_self_service,
    resource_administered,
    resource_managed,
    resource_seen,
)
from packhouse.services.context import Act, Context
from packhouse.services.dues import settle
from packhouse.services.eligibility import check_model
from packhouse.services.lifecycle import Lifecycle
from packhouse.services.resize import downgrade, replaced, secure, upgrade
from packhouse.services.resource_view import ResourceView, linked, refuse_if_needed, view

__all__ = ["Changes", "ResourceView", "Resources"]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is None stays. An empty `fallback_model` is none."""

    display_name: str | None = None
    environment: Environment | None = None
    model: str | None = None
    fallback_model: str | None = None

    def facts(self) -> tuple[tuple[str, str], ...]:
        """What the activity log says of them: no names."""
        said = (
            ("environment", self.environment),
            ("model", self.model),
            ("fallback_model", self.fallback_model),
        )
        return tuple((name, value) for name, value in said if value is not None)


class Resources:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, company_id: CompanyId | None = None) -> list[ResourceView]:
        """With a company: all of it, for its admins and operators (a member gets those of its teams).

        Without: those whose team the actor is in. Newest last. Refused: not_found.
        """
        if company_id is not None and actor.administers(company_id):
            await Lifecycle(self._context).settle(company_id)
        async with self._context.reading(actor) as act:
            if company_id is None:
                resources = await act.work.resources.of_member(actor.user_id)
            else:
                await company_seen(act, company_id)
                resources = await (
                    act.work.resources.of_company(company_id)
                    if actor.administers(company_id)
                    else act.work.resources.of_member(actor.user_id)
                )
            chosen = [one for one in resources if company_id in (None, one.company_id)]
            return [await view(act, one) for one in chosen]

    async def get(self, actor: Actor, resource_id: ResourceId) -> ResourceView:
        """For its team, the company's admins and operators. Refused: not_found."""
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
        await Lifecycle(self._context).settle(resource.company_id)
        async with self._context.reading(actor) as act:
            return await view(act, await resource_seen(act, resource_id))

    async def change(
        self,
        actor: Actor,
        resource_id: ResourceId,
        *,
        changes: Changes,
    ) -> ResourceView:
        """External members may change the models only.

        Refused: not_found, forbidden, model_unknown, model_ended, model_not_in_region, invalid_request,
        resource_inactive.
        """
        async with self._context.writing(actor) as act:
            if changes.display_name is not None or changes.environment is not None:
                resource = await resource_managed(act, resource_id)
            else:
                resource = await resource_seen(act, resource_id)
            require(resource, "edit", now=act.now)
            changed = await self._changed(act, resource, changes=changes)
            if changed != resource:
                await act.work.resources.replace(changed)
                await act.log_on(changed, "resource.changed", *changes.facts())
            return await view(act, changed)

    async def schedule_deprovision(self, actor: Actor, resource_id: ResourceId) -> ResourceView:
        """At the end of the running bundle month. Refused: not_found, forbidden, resource_inactive,
        conflict (a knowledge base that stays longer is linked to it)."""
        async with self._changing(actor, resource_id) as (act, resource):
            ends_at = resource.month(act.now).end_at
            changed = deprovision_scheduled(resource, at=ends_at, now=act.now)
            if resource.type == "embeddings":
                await refuse_if_needed(act, resource, ends_at=ends_at)
            if isinstance(resource.scheduled, ScheduledDowngrade):
                await act.work.resources.set_limits(resource.id, (), from_at=resource.scheduled.effective_at)
            await act.work.resources.replace(changed)
            facts = ("ends_at", ends_at.isoformat())
            await act.log_on(changed, "resource.deprovision_scheduled", facts)
            return await self._noticed(act, resource, after=changed)

    async def cancel_scheduled(self, actor: Actor, resource_id: ResourceId) -> ResourceView:
        """Refused: not_found, forbidden, conflict (nothing is scheduled), balance_short, contract_over."""
        async with self._changing(actor, resource_id) as (act, resource):
            changed = scheduled_cancelled(resource, act.now)
            if isinstance(resource.scheduled, ScheduledDowngrade):
                await act.work.resources.set_limits(resource.id, (), from_at=resource.scheduled.effective_at)
            else:
                await secure(act, resource)
            await act.work.resources.replace(changed)
            await act.log_on(changed, "resource.scheduled_cancelled")
            return await view(act, changed)

    async def adjust_plan(self, actor: Actor, resource_id: ResourceId, *, plan: str) -> ResourceView:
        """Up at once, down with the next bundle month; a notice says what it replaces of what was scheduled.

        Refused: not_found, forbidden, invalid_request, balance_short, contract_over, resource_inactive.
        """
        async with self._changing(actor, resource_id) as (act, resource):
            family = self._context.catalog.model(resource.model).family if resource.model else ""
            new = self._context.catalog.plan(plan, resource.type, family=family)
            if new.name == resource.plan:
                raise Refused("conflict", f"The resource has the plan {plan!r} already.")
            old_price = self._context.catalog.price(resource.plan, resource.type, model_id=resource.model)
            if old_price is None or new.price_cloud_tokens > old_price:
                changed = await upgrade(act, resource, plan=new)
            else:
                changed = await downgrade(act, resource, plan=new)
            return await self._noticed(act, resource, after=changed)

    @staticmethod
    async def _noticed(act: Act, before: Resource, *, after: Resource) -> ResourceView:
        notices = await replaced(act, before, after=after)
        seen = await view(act, after)
        return replace(seen, notices=(*seen.notices, *notices))

    async def _changed(self, act: Act, resource: Resource, *, changes: Changes) -> Resource:
        changed = resource
        if changes.model is not None and changes.model != resource.model:
            changed = await self._with_model(act, resource, model_id=changes.model)
        if changes.fallback_model is not None and changes.fallback_model != resource.fallback_model:
            changed = await self._with_fallback(act, changed, model_id=changes.fallback_model)
        if changes.display_name is not None:
            changed = replace(changed, display_name=checked_name(changes.display_name, "display_name"))
        if changes.environment is not None:
            changed = replace(changed, environment=changes.environment)
        return changed

    async def _with_fallback(self, act: Act, resource: Resource, *, model_id: str) -> Resource:
        if not model_id:
            return replace(resource, fallback_model="")
        if resource.type != "text_generation":
            raise Refused("invalid_request", "Only a text pack has a fallback model.", field="fallback_model")
        await self._check_family(act, resource, model_id=model_id)
        return replace(resource, fallback_model=model_id)

    async def _with_model(self, act: Act, resource: Resource, *, model_id: str) -> Resource:
        if resource.type == "knowledge_base":
            raise Refused("invalid_request", "A knowledge base has no model of its own.", field="model")
        if any(not one.embeddings_model for one in await linked(act, resource, at=act.now)):
            raise Refused(
                "conflict",
                "Knowledge bases from before models were pinned embed with this pack, and what they hold fits its "
                "present model only.",
            )
        model = await self._check_family(act, resource, model_id=model_id)
        offer = model.offer(resource.region)
        assert offer is not None, "checked"
        cri = resource.cri if offer.cri == "optional" else offer.cri == "only"
        return replace(resource, model=model.id, cri=cri)

    async def _check_family(self, act: Act, resource: Resource, *, model_id: str) -> Model:
        """A model that the resource may have: of its family, sold in its region."""
        model = self._context.catalog.model(model_id)
        family = self._context.catalog.model(resource.model).family
        if model.family != family or model.type != resource.type:
            raise Refused("model_unknown", f"The model is not of the resource's family {family!r}.", model=model_id)
        await check_model(act, model, company_id=resource.company_id, region=resource.region)
        return model

    @asynccontextmanager
    async def _changing(self, actor: Actor, resource_id: ResourceId) -> AsyncGenerator[tuple[Act, Resource]]:
        """A transaction that changes what an admin may change, with all that was due booked before."""
        async with self._context.writing(actor) as act:
            resource = await resource_administered(act, resource_id)
            company = await company_administered(act, resource.company_id)
            require_self_service(actor, company)
            await act.work.companies.lock(company.id)
            await settle(act, company.id)
            yield act, await resource_seen(act, resource_id)
