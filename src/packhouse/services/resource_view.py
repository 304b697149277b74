"""A resource as its people see it, with what is derived from the catalog and from what is linked to it."""

from datetime import datetime

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.errors import Refused
from packhouse.domain.month import BundleMonth
from packhouse.domain.resource import Resource, Status, status
from packhouse.domain.units import ResourceId
from packhouse.domain.user import Actor
from packhouse.ports.store import Work
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


async def view(context: Context, work: Work, resource: Resource) -> ResourceView:
    now = context.clock.now()
    active = resource.activated_at is not None and resource.state(now) == "active"
    return ResourceView(
        resource=resource,
        status=status(resource, now),
        month=resource.month(now) if active else None,
        models=_models(context, resource),
        linked=tuple(one.id for one in await linked(work, resource, now)),
        notices=model_notices(context, resource.model),
    )


async def linked(work: Work, resource: Resource, now: datetime) -> list[Resource]:
    """The knowledge bases that embed with the resource and are not gone."""
    if resource.type != "embeddings":
        return []
    found = await work.resources.linked_to(resource.id)
    return [one for one in found if one.state(now) != "deprovisioned"]


async def refuse_if_needed(work: Work, resource: Resource, ends_at: datetime) -> None:
    """Refused(conflict) where a knowledge base that is linked to the pack outlives `ends_at`."""
    for one in await linked(work, resource, ends_at):
        raise Refused(
            "conflict",
            f"The knowledge base {one.display_name!r} embeds with this pack and stays longer. Deprovision that first.",
            resource=one.id,
        )


async def log(
    context: Context, work: Work, actor: Actor, resource: Resource, verb: str, *facts: tuple[str, str]
) -> None:
    """The activity entry of something done to a resource."""
    deed = Deed(company_id=resource.company_id, verb=verb, subject_id=resource.id, resource_id=resource.id, facts=facts)
    await context.log(work, actor, deed)


def _models(context: Context, resource: Resource) -> tuple[str, ...]:
    model = next((one for one in context.catalog.models if one.id == resource.model), None)
    if model is None:
        return ()
    now = context.clock.now()
    return tuple(
        one.id
        for one in context.catalog.family(model.family, resource.region)
        if one.type == model.type
        and one.life_cycle(now) != "ended"
        and context.offering.has(resource.region, one.provider)
    )


def model_notices(context: Context, model_id: str) -> tuple[str, ...]:
    """What people should know about a model's life-cycle."""
    model = next((one for one in context.catalog.models if one.id == model_id), None)
    if model is None:
        return (f"The model {model_id} is no longer in the catalog.",) if model_id else ()
    cycle = model.life_cycle(context.clock.now())
    if cycle == "ended":
        return (f"The life of {model.name} has ended: change the resource's model.",)
    if cycle == "legacy":
        until = f" It ends on {model.end_of_life_on}." if model.end_of_life_on else ""
        return (f"{model.name} is a legacy model; plan to change to a newer one.{until}",)
    return ()
