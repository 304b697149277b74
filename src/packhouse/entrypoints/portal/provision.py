"""Provisioning: choose from the catalog, fill in a form, look at the specification with its price, confirm."""

from typing import cast, get_args

import msgspec
from litestar import Response, get, post

from packhouse.domain.catalog import Model, Offer, Plan, Region
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Environment
from packhouse.domain.units import CompanyId, ResourceId, ResourceType
from packhouse.entrypoints.portal.company import COMPANY, CompanyFrame, company_frame
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Site, Visit, Visiting
from packhouse.services.catalog import ModelView
from packhouse.services.order import EmbeddingsOrder, Order, Specification
from packhouse.services.resource_view import ResourceView

PROVISION = COMPANY + "/provision"
IDEMPOTENCY_CHARACTERS = 24
NEW = "new"
"""The choice of an embeddings pack that is made along with the knowledge base."""


class Choice(msgspec.Struct, frozen=True):
    """What was chosen from the catalog: where, and (but for a knowledge base) which model."""

    type: ResourceType
    region: Region
    model: Model | None
    offer: Offer | None
    plans: tuple[Plan, ...]


@get(PROVISION)
async def shelf(visit: Visiting, company_id: Part) -> Response[str]:
    """What there is, in which region, and why something cannot be had."""
    framed = await company_frame(visit, company_id, tab="provision")
    offers = await visit.control.offers.view(visit.actor, framed.company.id)
    return page(visit, "company/shelf.html", frame=framed, offers=offers)


@get(PROVISION + "/{kind:str}")
async def order_form(*, visit: Visiting, request: Asked, company_id: Part, kind: Part) -> Response[str]:
    query = request.query_params
    choice = _choice(visit.site, kind, region_id=query.get("region", ""), model_id=query.get("model", ""))
    return await _form_page(visit, company_id, choice=choice, form=EMPTY)


@post(PROVISION + "/{kind:str}")
async def order(*, visit: Visiting, request: Asked, company_id: Part, kind: Part) -> Response[str]:
    """From the form to the specification; from there to the pack, or back to the form."""
    form = await read_form(request)
    choice = _choice(visit.site, kind, region_id=form["region"], model_id=form["model"])
    if form["step"] == "back":
        return await _form_page(visit, company_id, choice=choice, form=form)
    provisioning = visit.control.provisioning
    try:
        wanted = _order(CompanyId(company_id), choice, form=form)
        if form["step"] == "confirm":
            made = await provisioning.provision(visit.actor, wanted, idempotency_key=form["idempotency_key"])
            return go(visit.site, f"/resources/{made.resource.id}?done=provisioned")
        specification = await provisioning.preview(visit.actor, wanted)
    except Refused as refused:
        return await _form_page(visit, company_id, choice=choice, form=form, refused=refused)
    return await _specification_page(visit, choice, form=form, specification=specification)


async def _specification_page(
    visit: Visit, choice: Choice, *, form: Form, specification: Specification
) -> Response[str]:
    wanted = specification.order
    return page(
        visit,
        "company/specification.html",
        frame=await company_frame(visit, wanted.company_id, tab="provision"),
        choice=choice,
        form=form,
        specification=specification,
        embeds_with=await _embeds_with(visit, wanted),
        idempotency_key=visit.site.ids.secret(IDEMPOTENCY_CHARACTERS),
    )


async def _embeds_with(visit: Visit, wanted: Order) -> str:
    """The name of the pack that is there already; empty where the order makes one, or needs none."""
    if wanted.embeddings_resource_id is None:
        return ""
    return (await visit.control.resources.get(visit.actor, wanted.embeddings_resource_id)).resource.display_name


async def _form_page(
    visit: Visit, company_id: str, *, choice: Choice, form: Form, refused: Refused | None = None
) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="provision")
    linkable, models = await _embeddings(visit, framed, choice=choice)
    return page(
        visit,
        "company/order.html",
        refused=refused,
        frame=framed,
        choice=choice,
        form=form,
        linkable=linkable,
        embeddings_models=models,
        environments=get_args(Environment),
    )


async def _embeddings(
    visit: Visit, framed: CompanyFrame, *, choice: Choice
) -> tuple[list[ResourceView], list[ModelView]]:
    """What a knowledge base can embed with in its region: packs that there are, and models for a new one."""
    if choice.type != "knowledge_base":
        return [], []
    company_id, region = framed.company.id, choice.region.id
    views = await visit.control.resources.list(visit.actor, company_id=company_id)
    offers = await visit.control.offers.view(visit.actor, company_id)
    linkable = [
        one
        for one in views
        if one.resource.type == "embeddings" and one.resource.region == region and one.status.state == "active"
    ]
    return linkable, [one for one in offers.models if one.model.type == "embeddings" and can_be_had(one, region)]


def can_be_had(one: ModelView, region: str) -> bool:
    """Whether the company can provision the model in the region as things stand."""
    offered = any(offer.region == region and offer.offered for offer in one.offers)
    return offered and one.life_cycle in ("current", "legacy") and not one.missing_terms


def _choice(site: Site, kind: str, *, region_id: str, model_id: str) -> Choice:
    """Refused(not_found) for what no page of the portal links to."""
    region = next((one for one in site.catalog.regions if one.id == region_id), None)
    if kind not in get_args(ResourceType) or region is None:
        raise Refused("not_found", "There is no such pack. Choose one from the catalog.")
    type_ = cast("ResourceType", kind)
    if type_ == "knowledge_base":
        return Choice(type_, region, None, None, site.catalog.plans_for(type_))
    model = next((one for one in site.catalog.models if one.id == model_id and one.type == type_), None)
    offer = model.offer(region.id) if model else None
    if model is None or offer is None:
        raise Refused("not_found", "The catalog has no such model in this region. Choose another.")
    return Choice(type_, region, model, offer, site.catalog.plans_for(type_, model.family))


def _order(company_id: CompanyId, choice: Choice, *, form: Form) -> Order:
    """Refused(invalid_request)."""
    if form["environment"] not in get_args(Environment):
        raise Refused("invalid_request", "Choose an environment.", field="environment")
    optional = choice.offer is not None and choice.offer.cri == "optional"
    linked, embeddings = _link(choice, form)
    return Order(
        company_id=company_id,
        type=choice.type,
        display_name=form["display_name"],
        region=choice.region.id,
        plan=form["plan"],
        model=choice.model.id if choice.model else "",
        environment=cast("Environment", form["environment"]),
        cri="cri" in form if optional else None,
        created_for_name=form["created_for_name"],
        created_for_email=form["created_for_email"],
        embeddings_resource_id=linked,
        embeddings=embeddings,
    )


def _link(choice: Choice, form: Form) -> tuple[ResourceId | None, EmbeddingsOrder | None]:
    if choice.type != "knowledge_base":
        return None, None
    if form["embeddings"] != NEW:
        if not form["embeddings"]:
            raise Refused("invalid_request", "Choose what the knowledge base embeds with.", field="embeddings")
        return ResourceId(form["embeddings"]), None
    model, _, plan = form["embeddings_model"].rpartition("|")
    return None, EmbeddingsOrder(display_name=form["embeddings_name"], model=model, plan=plan)
