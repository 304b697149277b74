"""From an order to the resources that it would make: everything but the balance is checked here."""

import msgspec

from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource, require
from packhouse.domain.units import ResourceId
from packhouse.domain.user import checked_email
from packhouse.services.access import company_administered, not_found, require_self_service, resource_seen
from packhouse.services.context import Act
from packhouse.services.eligibility import check_model, check_region, chosen_cri
from packhouse.services.order import Order, SpecificationLine


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the specification with the resource that it would become."""

    line: SpecificationLine
    resource: Resource


class Drafting:
    """For one actor inside one transaction."""

    def __init__(self, act: Act) -> None:
        self._act = act

    async def drafts(self, order: Order) -> list[Draft]:
        """What would be made, the ordered pack last; everything but the balance is checked."""
        company = await company_administered(self._act, order.company_id)
        require_self_service(self._act.actor, company)
        check_region(self._act, order.region)
        if order.created_for_email:
            checked_email(order.created_for_email)
        if order.type != "knowledge_base":
            if order.embeddings_resource_id is not None or order.embeddings is not None:
                raise Refused(
                    "invalid_request", "Only a knowledge base names an embeddings resource.", field="embeddings"
                )
            return [await self._model_pack(order)]
        return await self._knowledge_base(order)

    async def _model_pack(self, order: Order) -> Draft:
        model = self._act.context.catalog.model(order.model)
        if model.type != order.type:
            raise Refused("invalid_request", f"{model.name} is a model of type {model.type}.", field="model")
        offer = await check_model(self._act, model, company_id=order.company_id, region=order.region)
        plan = self._act.context.catalog.plan(order.plan, order.type, family=model.family)
        cri = chosen_cri(offer, order.cri)
        serving = offer.serving_regions if cri else (order.region,)
        line = SpecificationLine(order.type, order.display_name, model.id, plan, cri, serving)
        return self._draft(order, line)

    async def _knowledge_base(self, order: Order) -> list[Draft]:
        if order.model:
            raise Refused("invalid_request", "A knowledge base has no model of its own.", field="model")
        if (order.embeddings is None) == (order.embeddings_resource_id is None):
            raise Refused(
                "invalid_request",
                "A knowledge base either names an embeddings resource or has one made on the way.",
                field="embeddings_resource_id",
            )
        plan = self._act.context.catalog.plan(order.plan, order.type)
        line = SpecificationLine(order.type, order.display_name, "", plan, False, (order.region,))
        if order.embeddings is None:
            return [self._draft(order, line, embeddings=await self._linkable(order))]
        new = order.embeddings
        embeddings_order = msgspec.structs.replace(
            order,
            type="embeddings",
            display_name=new.display_name,
            model=new.model,
            plan=new.plan,
            cri=new.cri,
            embeddings=None,
        )
        embeddings = await self._model_pack(embeddings_order)
        return [embeddings, self._draft(order, line, embeddings=embeddings.resource)]

    async def _linkable(self, order: Order) -> Resource:
        assert order.embeddings_resource_id is not None
        resource = await resource_seen(self._act, order.embeddings_resource_id)
        if resource.company_id != order.company_id:
            raise not_found("resource", resource.id)
        if resource.type != "embeddings" or resource.region != order.region:
            raise Refused(
                "invalid_request",
                f"A knowledge base embeds with an embeddings pack in its own region {order.region}.",
                field="embeddings_resource_id",
            )
        require(resource, "use", now=self._act.now)
        if resource.ends_at is not None:
            raise Refused("conflict", "The embeddings pack is going to end. Cancel that first.")
        return resource

    def _draft(self, order: Order, line: SpecificationLine, *, embeddings: Resource | None = None) -> Draft:
        now = self._act.now
        resource = Resource(
            id=ResourceId(self._act.context.ids.new("res")),
            company_id=order.company_id,
            type=line.type,
            display_name=checked_name(line.display_name, "display_name"),
            environment=order.environment,
            region=order.region,
            cri=line.cri,
            model=line.model,
            plan=line.plan.name,
            created_at=now,
            created_by=self._act.actor.user_id,
            created_for_name=order.created_for_name.strip(),
            created_for_email=order.created_for_email.strip().lower(),
            activated_at=now,
        )
        return Draft(line=line, resource=resource if embeddings is None else self._pinned(resource, embeddings))

    def _pinned(self, resource: Resource, embeddings: Resource) -> Resource:
        """The knowledge base with what it embeds with for good, whatever becomes of the pack's own model."""
        model = self._act.context.catalog.model(embeddings.model)
        if not model.dimensions:
            raise Refused(
                "invalid_request",
                f"The catalog does not say how many dimensions the vectors of {model.name} have, which a knowledge "
                "base must know. Ask the operator to add that, or choose another embeddings model.",
                field="embeddings_resource_id",
            )
        return msgspec.structs.replace(
            resource,
            embeddings_resource_id=embeddings.id,
            embeddings_model=model.id,
            embeddings_dimensions=model.dimensions[0],
        )
