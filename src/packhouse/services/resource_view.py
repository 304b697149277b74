"""A resource as its people see it, with what is derived from the catalog and from what is linked to it."""

from datetime import datetime

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.month import BundleMonth
from packhouse.domain.resource import Resource, Status, status
from packhouse.domain.units import ResourceId
from packhouse.services.context import Act


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


async def view(act: Act, resource: Resource) -> ResourceView:
    now = act.now
    active = resource.activated_at is not None and resource.state(now) == "active"
    return ResourceView(
        resource=resource,
        status=status(resource, now),
        month=resource.month(now) if active else None,
        models=_models(act, resource),
        linked=tuple(one.id for one in await linked(act, resource, at=act.now)),
        notices=model_notices(act, resource.model),
    )


async def linked(act: Act, resource: Resource, *, at: datetime) -> list[Resource]:
    """The knowledge bases that embed with the resource and are not gone."""
    if resource.type != "embeddings":
        return []
    found = await act.work.resources.linked_to(resource.id)
    return [one for one in found if one.state(at) != "deprovisioned"]


async def refuse_if_needed(act: Act, resource: Resource, *, ends_at: datetime) -> None:
    """Refused(conflict) where a knowledge base that is linked to the pack outlives `ends_at`."""
    for one in await linked(act, resource, at=ends_at):
        raise Refused(
            "conflict",
            f"The knowledge base {one.display_name!r} embeds with this pack and stays longer. Deprovision that first.",
            resource=one.id,
        )


def _models(act: Act, resource: Resource) -> tuple[str, ...]:
    model = next((one for one in act.context.catalog.models if one.id == resource.model), None)
    if model is None:
        return ()
    now = act.now
    return tuple(
        one.id
        for one in act.context.catalog.family(model.family, resource.region)
        if one.type == model.type
        and one.life_cycle(now) != "ended"
        and act.context.offering.reaches(one, resource.region)
    )


def model_notices(act: Act, model_id: str) -> tuple[str, ...]:
    """What people should know about a model's life-cycle."""
    model = next((one for one in act.context.catalog.models if one.id == model_id), None)
    if model is None:
        return (f"The model {model_id} is no longer in the catalog.",) if model_id else ()
    cycle = model.life_cycle(act.now)
    if cycle == "ended":
        return (f"The life of {model.name} has ended: change the resource's model.",)
    if cycle == "legacy":
        until = f" It ends on {model.end_of_life_on}." if model.end_of_life_on else ""
        return (f"{model.name} is a legacy model; plan to change to a newer one.{until}",)
    return ()
