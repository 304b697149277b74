"""Provisioning: from an order to an active resource, with its price shown before."""

import hashlib
from collections.abc import Sequence

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Books, Entry, allocated
from packhouse.domain.resource import Resource
from packhouse.domain.user import Actor, Membership
from packhouse.ports.store import Request
from packhouse.services.access import company_administered
from packhouse.services.context import Act, Context
from packhouse.services.draft import Draft, Drafting
from packhouse.services.dues import pack, post, settle
from packhouse.services.lifecycle import Lifecycle
from packhouse.services.order import EmbeddingsOrder, Order, Specification, SpecificationLine
from packhouse.services.resource_view import ResourceView, model_notices, view

__all__ = ["EmbeddingsOrder", "Order", "Provisioning", "Specification", "SpecificationLine"]

IDEMPOTENCY_KEY_CHARACTERS_MAX = 255


class Provisioning:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def preview(self, actor: Actor, order: Order) -> Specification:
        """Refused exactly as `provision` would be at this instant."""
        if actor.administers(order.company_id):
            await Lifecycle(self._context).settle(order.company_id)
        async with self._context.reading(actor) as act:
            drafts = await Drafting(act).drafts(order)
            books = await act.work.ledger.books(order.company_id, act.now)
            available = books.spendable(act.now)
            for draft in drafts:
                books = books.posted(self._allocation(books, draft))
            return self._specification(act, order, drafts=drafts, available=available)

    async def provision(self, actor: Actor, order: Order, *, idempotency_key: str = "") -> ResourceView:
        """The new resource, active. The maker and, where it is a user of the company, the created-for user are
        its first team. The same idempotency key and order give the same resource again.

        Refused: not_found, forbidden, no_self_service, contract_over, balance_short, region_not_offered,
        model_unknown, model_ended, model_not_in_region, terms_not_accepted, invalid_request, conflict (the
        idempotency key was used for another order).
        """
        if len(idempotency_key) > IDEMPOTENCY_KEY_CHARACTERS_MAX:
            raise Refused("invalid_request", "The idempotency key is too long.", field="idempotency_key")
        async with self._context.writing(actor) as act:
            await company_administered(act, order.company_id)
            await act.work.companies.lock(order.company_id)
            earlier = await self._earlier(act, order, idempotency_key=idempotency_key)
            if earlier is not None:
                return await view(act, earlier)
            await settle(act, order.company_id)
            drafts = await Drafting(act).drafts(order)
            for draft in drafts:
                await self._make(act, draft)
            resource = drafts[-1].resource
            if idempotency_key:
                request = Request(order.company_id, idempotency_key, _digest(order), resource.id)
                await act.work.resources.add_request(request, resource.created_at)
            return await view(act, resource)

    async def _earlier(self, act: Act, order: Order, *, idempotency_key: str) -> Resource | None:
        request = await act.work.resources.request(order.company_id, idempotency_key) if idempotency_key else None
        if request is None:
            return None
        if request.order_digest != _digest(order):
            raise Refused("conflict", "This idempotency key was used for another order; use a new one.")
        return await act.work.resources.get(request.resource_id)

    def _allocation(self, books: Books, draft: Draft) -> Entry:
        resource = draft.resource
        price = draft.line.plan.price_cloud_tokens
        return allocated(books, resource.id, cloud_tokens=price, at=resource.created_at, pack=pack(resource))

    async def _make(self, act: Act, draft: Draft) -> None:
        resource = draft.resource
        books = await act.work.ledger.books(resource.company_id, resource.created_at)
        entry = self._allocation(books, draft)
        await act.work.resources.add(resource)
        await post(act, resource.company_id, entry=entry)
        await act.work.resources.set_limits(resource.id, draft.line.plan.limits, from_at=resource.created_at)
        await self._first_team(act, resource)
        facts = (("type", resource.type), ("plan", resource.plan), ("region", resource.region))
        await act.log_on(resource, "resource.provisioned", *facts)

    async def _first_team(self, act: Act, resource: Resource) -> None:
        people = [await act.work.users.get(act.actor.user_id)]
        if resource.created_for_email:
            people.append(await act.work.users.by_email(resource.created_for_email))
        for user in people:
            if user is not None and user.company_id == resource.company_id and user.disabled_at is None:
                await act.work.team.add(Membership(resource.id, user.id, resource.created_at, act.actor.user_id))

    def _specification(self, act: Act, order: Order, *, drafts: Sequence[Draft], available: int) -> Specification:
        price = sum(draft.line.plan.price_cloud_tokens for draft in drafts)
        notices = [notice for draft in drafts for notice in model_notices(act, draft.line.model)]
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
