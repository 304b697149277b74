"""Provisioning: from an order to an active resource, with its price shown before."""

import hashlib
from collections.abc import Sequence

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Books, Entry, allocated
from packhouse.domain.resource import Resource
from packhouse.domain.user import Actor, Membership
from packhouse.ports.store import Request, Work
from packhouse.services.access import company_administered
from packhouse.services.context import Context
from packhouse.services.draft import Draft, Drafting
from packhouse.services.dues import pack, post, settle
from packhouse.services.lifecycle import Lifecycle
from packhouse.services.order import EmbeddingsOrder, Order, Specification, SpecificationLine
from packhouse.services.resource_view import ResourceView, log, model_notices, view

__all__ = ["EmbeddingsOrder", "Order", "Provisioning", "Specification", "SpecificationLine"]

IDEMPOTENCY_KEY_CHARACTERS_MAX = 255


class Provisioning:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def preview(self, actor: Actor, order: Order) -> Specification:
        """Refused exactly as `provision` would be at this instant."""
        if actor.administers(order.company_id):
            await Lifecycle(self._context).settle(order.company_id)
        async with self._context.store.reading() as work:
            drafts = await Drafting(self._context, work, actor).drafts(order)
            books = await work.ledger.books(order.company_id, self._context.clock.now())
            available = books.spendable(self._context.clock.now())
            for draft in drafts:
                books = books.posted(self._allocation(books, draft))
            return self._specification(order, drafts, available)

    async def provision(self, actor: Actor, order: Order, *, idempotency_key: str = "") -> ResourceView:
        """The new resource, active. The maker and, where it is a user of the company, the created-for user are
        its first team. The same idempotency key and order give the same resource again.

        Refused: not_found, forbidden, no_self_service, contract_over, balance_short, region_not_offered,
        model_unknown, model_ended, model_not_in_region, terms_not_accepted, invalid_request, conflict (the
        idempotency key was used for another order).
        """
        if len(idempotency_key) > IDEMPOTENCY_KEY_CHARACTERS_MAX:
            raise Refused("invalid_request", "The idempotency key is too long.", field="idempotency_key")
        async with self._context.store.writing() as work:
            await company_administered(work, actor, order.company_id)
            await work.companies.lock(order.company_id)
            earlier = await self._earlier(work, order, idempotency_key)
            if earlier is not None:
                return await view(self._context, work, earlier)
            await settle(self._context, work, order.company_id)
            drafts = await Drafting(self._context, work, actor).drafts(order)
            for draft in drafts:
                await self._make(work, actor, draft)
            resource = drafts[-1].resource
            if idempotency_key:
                request = Request(order.company_id, idempotency_key, _digest(order), resource.id)
                await work.resources.add_request(request, resource.created_at)
            return await view(self._context, work, resource)

    async def _earlier(self, work: Work, order: Order, idempotency_key: str) -> Resource | None:
        request = await work.resources.request(order.company_id, idempotency_key) if idempotency_key else None
        if request is None:
            return None
        if request.order_digest != _digest(order):
            raise Refused("conflict", "This idempotency key was used for another order; use a new one.")
        return await work.resources.get(request.resource_id)

    def _allocation(self, books: Books, draft: Draft) -> Entry:
        resource = draft.resource
        price = draft.line.plan.price_cloud_tokens
        return allocated(books, resource.id, price, at=resource.created_at, pack=pack(resource))

    async def _make(self, work: Work, actor: Actor, draft: Draft) -> None:
        resource = draft.resource
        books = await work.ledger.books(resource.company_id, resource.created_at)
        entry = self._allocation(books, draft)
        await work.resources.add(resource)
        await post(self._context, work, actor, resource.company_id, entry)
        await work.resources.set_limits(resource.id, resource.created_at, draft.line.plan.limits)
        await self._first_team(work, actor, resource)
        facts = (("type", resource.type), ("plan", resource.plan), ("region", resource.region))
        await log(self._context, work, actor, resource, "resource.provisioned", *facts)

    async def _first_team(self, work: Work, actor: Actor, resource: Resource) -> None:
        people = [await work.users.get(actor.user_id)]
        if resource.created_for_email:
            people.append(await work.users.by_email(resource.created_for_email))
        for user in people:
            if user is not None and user.company_id == resource.company_id and user.disabled_at is None:
                await work.team.add(Membership(resource.id, user.id, resource.created_at, actor.user_id))

    def _specification(self, order: Order, drafts: Sequence[Draft], available: int) -> Specification:
        price = sum(draft.line.plan.price_cloud_tokens for draft in drafts)
        notices = [notice for draft in drafts for notice in model_notices(self._context, draft.line.model)]
        return Specification(
            order=order,
            lines=tuple(draft.line for draft in drafts),
            price_cloud_tokens=price,
            available_before_cloud_tokens=available,
            available_after_cloud_tokens=available - price,
            notices=tuple(notices),
        )


def _digest(order: Order) -> bytes:
    return hashlib.sha256(msgspec.json.encode(order)).digest()
