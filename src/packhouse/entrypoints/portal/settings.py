"""A resource's settings: name, environment, model, plan, and its end."""

from typing import cast, get_args

from litestar import Response, get, post

from packhouse.domain.catalog import Plan
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Environment
from packhouse.domain.units import ResourceId
from packhouse.entrypoints.portal.forms import Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.resource import Frame, frame
from packhouse.entrypoints.portal.site import Asked, Part, Site, Visit, Visiting
from packhouse.services.resource import Changes
from packhouse.services.resource_view import ResourceView

SETTINGS = "/resources/{resource_id:str}/settings"


@get(SETTINGS)
async def settings(visit: Visiting, resource_id: Part) -> Response[str]:
    return await _settings_page(visit, resource_id)


@post(SETTINGS)
async def change_settings(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    """What is not on the form stays: members from outside have only the model on theirs."""
    form = await read_form(request)
    try:
        await visit.control.resources.change(
            visit.actor,
            ResourceId(resource_id),
            changes=Changes(
                display_name=form.typed("display_name"),
                environment=_environment(form) if "environment" in form else None,
                model=form.typed("model"),
                fallback_model=_fallback(form),
            ),
        )
    except Refused as refused:
        return await _settings_page(visit, resource_id, form=form, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/settings?done=settings-saved")


@post(SETTINGS + "/plan")
async def adjust_plan(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        before = await visit.control.resources.get(visit.actor, ResourceId(resource_id))
        after = await visit.control.resources.adjust_plan(visit.actor, ResourceId(resource_id), plan=form["plan"])
    except Refused as refused:
        return await _settings_page(visit, resource_id, form=form, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/settings?done=plan-adjusted{_instead(before, after)}")


@get(SETTINGS + "/deprovision")
async def ask_to_deprovision(visit: Visiting, resource_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="settings")
    return page(visit, "resource/deprovision.html", frame=framed)


@post(SETTINGS + "/deprovision")
async def deprovision(visit: Visiting, resource_id: Part) -> Response[str]:
    try:
        before = await visit.control.resources.get(visit.actor, ResourceId(resource_id))
        after = await visit.control.resources.schedule_deprovision(visit.actor, ResourceId(resource_id))
    except Refused as refused:
        return await _settings_page(visit, resource_id, refused=refused)
    return go(visit.site, f"/resources/{resource_id}?done=deprovision-scheduled{_instead(before, after)}")


@post(SETTINGS + "/cancel")
async def cancel_scheduled(visit: Visiting, resource_id: Part) -> Response[str]:
    try:
        await visit.control.resources.cancel_scheduled(visit.actor, ResourceId(resource_id))
    except Refused as refused:
        return await _settings_page(visit, resource_id, refused=refused)
    return go(visit.site, f"/resources/{resource_id}?done=scheduled-cancelled")


def _instead(before: ResourceView, after: ResourceView) -> str:
    """Which sentence says what was done: one more where something that was scheduled is replaced."""
    was = before.status.scheduled
    return "-instead" if was is not None and after.status.scheduled != was else ""


async def _settings_page(
    visit: Visit, resource_id: str, *, form: Form | None = None, refused: Refused | None = None
) -> Response[str]:
    framed = await frame(visit, resource_id, tab="settings")
    return page(
        visit,
        "resource/settings.html",
        refused=refused,
        frame=framed,
        form=form,
        environments=get_args(Environment),
        plans=_plans(visit.site, framed),
    )


def _plans(site: Site, framed: Frame) -> tuple[Plan, ...]:
    """The sizes there are for it, its own among them."""
    resource = framed.view.resource
    family = next((one.family for one in site.catalog.models if one.id == resource.model), "")
    return site.catalog.plans_for(resource.type, family)


def _fallback(form: Form) -> str | None:
    """Empty where none is chosen, None where the form has no such choice."""
    return form["fallback_model"] if "fallback_model" in form else None  # noqa: SIM401 — a form is no mapping


def _environment(form: Form) -> Environment:
    if form["environment"] not in get_args(Environment):
        raise Refused("invalid_request", "Choose an environment.", field="environment")
    return cast("Environment", form["environment"])
