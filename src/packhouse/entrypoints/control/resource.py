"""Resources: listed, read, changed, resized, ended."""

from typing import Literal

from litestar import delete, get, patch, post, put
from litestar.params import FromPath, JSONBody

from packhouse.domain.resource import Environment, ScheduledDowngrade, State, Status, SuspensionReason
from packhouse.domain.units import CompanyId, ResourceId, ResourceType
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services
from packhouse.services.resource import Changes, ResourceView


class ChangeResource(Body, frozen=True):
    """What is left out, or null, stays. `fallback_model` answers where the model's provider fails; empty: none."""

    display_name: str | None = None
    environment: Environment | None = None
    model: str | None = None
    fallback_model: str | None = None


class AdjustPlan(Body, frozen=True):
    plan: str


class Scheduled(Answer, frozen=True):
    """`plan` is what a downgrade leads to, else null."""

    change: Literal["deprovision", "downgrade"]
    effective_at: Instant
    plan: str | None


class ResourceStatus(Answer, frozen=True):
    state: State
    usable: bool
    scheduled: Scheduled | None
    suspensions: list[SuspensionReason]


class BundleMonth(Answer, frozen=True):
    """From `start_at` (inclusive) to `end_at` (exclusive); it is refilled at its end."""

    start_at: Instant
    end_at: Instant


class ResourceFacts(Answer, frozen=True):
    id: str
    company_id: str
    type: ResourceType
    display_name: str
    environment: Environment
    region: str
    cri: bool
    model: str
    fallback_model: str
    plan: str
    created_at: Instant
    created_by: str
    created_for_name: str
    created_for_email: str
    embeddings_resource_id: str | None
    embeddings_model: str
    embeddings_dimensions: int
    activated_at: Instant | None


class Resource(ResourceFacts, frozen=True):
    """`models` are the ids that its calls may name; `linked` the knowledge bases that embed with it.

    A knowledge base has no `model` of its own but `embeddings_resource_id`, and the `embeddings_model` that it was
    provisioned with for good (empty for a knowledge base from before that was kept). `month` is null before activation.
    """

    status: ResourceStatus
    month: BundleMonth | None
    models: list[str]
    linked: list[str]
    notices: list[str]


class Resources(Answer, frozen=True):
    resources: list[Resource]


@get(
    "/companies/{company_id:str}/resources",
    summary="List a company's resources (a member sees those of its teams)",
    opt=refuses("not_found"),
)
async def list_resources(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Resources:
    views = await control.resources.list(actor, company_id=CompanyId(company_id))
    return Resources(resources=[resource(view) for view in views])


@get("/resources", summary="List the resources whose team the caller is in")
async def list_my_resources(*, control: Services, actor: Caller) -> Resources:
    return Resources(resources=[resource(view) for view in await control.resources.list(actor)])


@get("/resources/{resource_id:str}", summary="Read a resource", opt=refuses("not_found"))
async def read_resource(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Resource:
    return resource(await control.resources.get(actor, ResourceId(resource_id)))


@patch(
    "/resources/{resource_id:str}",
    summary="Change a resource's name, environment or models",
    opt=refuses("not_found", "forbidden", "model_unknown", "model_ended", "model_not_in_region", "resource_inactive"),
)
async def change_resource(
    *, control: Services, actor: Caller, resource_id: FromPath[str], data: JSONBody[ChangeResource]
) -> Resource:
    changed = await control.resources.change(
        actor,
        ResourceId(resource_id),
        changes=Changes(
            display_name=data.display_name,
            environment=data.environment,
            model=data.model,
            fallback_model=data.fallback_model,
        ),
    )
    return resource(changed)


@put(
    "/resources/{resource_id:str}/plan",
    summary="Adjust the plan: up at once, down with the next bundle month; a newer scheduled change replaces an older",
    opt=refuses("not_found", "forbidden", "balance_short", "contract_over", "resource_inactive", "conflict"),
)
async def adjust_plan(
    *, control: Services, actor: Caller, resource_id: FromPath[str], data: JSONBody[AdjustPlan]
) -> Resource:
    return resource(await control.resources.adjust_plan(actor, ResourceId(resource_id), plan=data.plan))


@post(
    "/resources/{resource_id:str}/deprovision",
    status_code=200,
    summary="Schedule the end of a resource: the end of its running bundle month",
    opt=refuses("not_found", "forbidden", "resource_inactive", "conflict"),
)
async def deprovision_resource(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Resource:
    return resource(await control.resources.schedule_deprovision(actor, ResourceId(resource_id)))


@delete(
    "/resources/{resource_id:str}/scheduled",
    status_code=200,
    summary="Cancel the scheduled deprovisioning or downgrade",
    opt=refuses("not_found", "forbidden", "conflict", "balance_short", "contract_over", "resource_inactive"),
)
async def cancel_scheduled(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Resource:
    return resource(await control.resources.cancel_scheduled(actor, ResourceId(resource_id)))


def resource(view: ResourceView) -> Resource:
    return Resource(
        status=_status(view.status),
        month=BundleMonth.of(view.month) if view.month else None,
        models=list(view.models),
        linked=list(view.linked),
        notices=list(view.notices),
        **ResourceFacts.of(view.resource).fields(),
    )


def _status(status: Status) -> ResourceStatus:
    scheduled = None
    if status.scheduled is not None:
        downgrade = status.scheduled if isinstance(status.scheduled, ScheduledDowngrade) else None
        scheduled = Scheduled(
            change="downgrade" if downgrade else "deprovision",
            effective_at=status.scheduled.effective_at,
            plan=downgrade.plan if downgrade else None,
        )
    suspensions = list(status.suspensions)
    return ResourceStatus(state=status.state, usable=status.usable, scheduled=scheduled, suspensions=suspensions)


ROUTES = (
    list_resources,
    list_my_resources,
    read_resource,
    change_resource,
    adjust_plan,
    deprovision_resource,
    cancel_scheduled,
)
