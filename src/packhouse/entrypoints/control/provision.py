"""Provisioning: the specification first, then the resource."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.params import FromPath, HeaderParameter, JSONBody

from packhouse.domain.resource import Environment
from packhouse.domain.units import CompanyId, ResourceId, ResourceType
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.resource import Resource, resource
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Services
from packhouse.services.provision import EmbeddingsOrder as Embeddings
from packhouse.services.provision import Order as ServiceOrder
from packhouse.services.provision import SpecificationLine as ServiceLine

REFUSALS = refuses(
    "not_found",
    "forbidden",
    "no_self_service",
    "contract_over",
    "balance_short",
    "region_not_offered",
    "model_unknown",
    "model_ended",
    "model_not_in_region",
    "terms_not_accepted",
    "resource_inactive",
    "conflict",
)

IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        max_length=200,
        description="The same key with the same order gives the same resource again.",
    ),
]


class EmbeddingsOrder(Body, frozen=True):
    """The embeddings pack that a knowledge base has made on the way. `cri` null: on where offered."""

    display_name: str
    model: str
    plan: str
    cri: bool | None = None


class Order(Body, frozen=True):
    """What to provision. `cri` null: on where offered.

    A knowledge base has no `model`; it names its embeddings resource by `embeddings_resource_id`, or has one
    made by `embeddings`.
    """

    type: ResourceType
    display_name: str
    region: str
    plan: str
    model: str = ""
    environment: Environment = "production"
    cri: bool | None = None
    created_for_name: str = ""
    created_for_email: str = ""
    embeddings_resource_id: str | None = None
    embeddings: EmbeddingsOrder | None = None


class SpecificationLine(Answer, frozen=True):
    """One resource that would be made."""

    type: ResourceType
    display_name: str
    model: str
    plan: str
    price_cloud_tokens: int
    cri: bool
    serving_regions: list[str]


class Specification(Answer, frozen=True):
    """What confirming would do: `lines` with the pack itself last, the price, the balance before and after."""

    lines: list[SpecificationLine]
    price_cloud_tokens: int
    available_before_cloud_tokens: int
    available_after_cloud_tokens: int
    notices: list[str]


@post(
    "/companies/{company_id:str}/resources/preview",
    status_code=200,
    summary="Read the specification of an order: the price, the balance after it; refused as provisioning would be",
    opt=REFUSALS,
)
async def preview(
    *, control: Services, actor: Caller, company_id: FromPath[str], data: JSONBody[Order]
) -> Specification:
    found = await control.provisioning.preview(actor, _order(CompanyId(company_id), data))
    return Specification(
        lines=[_line(one) for one in found.lines],
        price_cloud_tokens=found.price_cloud_tokens,
        available_before_cloud_tokens=found.available_before_cloud_tokens,
        available_after_cloud_tokens=found.available_after_cloud_tokens,
        notices=list(found.notices),
    )


@post("/companies/{company_id:str}/resources", summary="Provision a resource", opt=REFUSALS)
async def provision(
    *,
    control: Services,
    actor: Caller,
    company_id: FromPath[str],
    data: JSONBody[Order],
    idempotency_key: IdempotencyKey = "",
) -> Resource:
    order = _order(CompanyId(company_id), data)
    return resource(await control.provisioning.provision(actor, order, idempotency_key=idempotency_key))


def _order(company_id: CompanyId, body: Order) -> ServiceOrder:
    linked = ResourceId(body.embeddings_resource_id) if body.embeddings_resource_id else None
    made = Embeddings(**msgspec.structs.asdict(body.embeddings)) if body.embeddings else None
    return ServiceOrder(
        company_id=company_id,
        type=body.type,
        display_name=body.display_name,
        region=body.region,
        plan=body.plan,
        model=body.model,
        environment=body.environment,
        cri=body.cri,
        created_for_name=body.created_for_name,
        created_for_email=body.created_for_email,
        embeddings_resource_id=linked,
        embeddings=made,
    )


def _line(line: ServiceLine) -> SpecificationLine:
    return SpecificationLine(
        type=line.type,
        display_name=line.display_name,
        model=line.model,
        plan=line.plan.name,
        price_cloud_tokens=line.plan.price_cloud_tokens,
        cri=line.cri,
        serving_regions=list(line.serving_regions),
    )


ROUTES = (preview, provision)
