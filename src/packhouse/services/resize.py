"""Changes of a resource's size: up at once, down with the next bundle month; inside a transaction."""

from packhouse.domain import ledger
from packhouse.domain.catalog import Plan
from packhouse.domain.errors import Refused
from packhouse.domain.resource import Resource, downgrade_scheduled, upgraded
from packhouse.domain.user import Actor
from packhouse.ports.store import Work
from packhouse.services.context import Context
from packhouse.services.dues import pack, post
from packhouse.services.resource_view import log


async def upgrade(context: Context, work: Work, actor: Actor, resource: Resource, plan: Plan) -> Resource:
    """Allocates the difference and adds to the running month's quota. Refused: balance_short, contract_over."""
    now = context.clock.now()
    changed = upgraded(resource, plan.name, now)
    books = await work.ledger.books(resource.company_id, now)
    held = sum(amount for _, amount in books.allocations(resource.id))
    difference = plan.price_cloud_tokens - held
    if difference > 0:
        entry = ledger.allocated(books, resource.id, difference, at=now, pack=pack(changed))
        await post(context, work, actor, resource.company_id, entry)
    await work.resources.set_limits(resource.id, resource.month(now).start_at, plan.limits)
    await work.resources.replace(changed)
    await log(context, work, actor, changed, "resource.upgraded", ("plan", plan.name))
    return changed


async def downgrade(context: Context, work: Work, actor: Actor, resource: Resource, plan: Plan) -> Resource:
    """With the next bundle month; the tokens return only then. It replaces a scheduled deprovision."""
    now = context.clock.now()
    next_at = resource.month(now).end_at
    changed = downgrade_scheduled(resource, plan.name, next_at, now)
    if resource.ends_at is not None:
        await secure(context, work, actor, resource)
    await work.resources.set_limits(resource.id, next_at, plan.limits)
    await work.resources.replace(changed)
    facts = (("plan", plan.name), ("from_at", next_at.isoformat()))
    await log(context, work, actor, changed, "resource.downgrade_scheduled", *facts)
    return changed


async def secure(context: Context, work: Work, actor: Actor, resource: Resource) -> None:
    """What must hold for a resource to stay, after its end was scheduled: paid by a contract that runs, and a
    knowledge base's embeddings pack stays too. Refused: balance_short, contract_over, conflict."""
    now = context.clock.now()
    if resource.embeddings_resource_id is not None:
        linked = await work.resources.get(resource.embeddings_resource_id)
        if linked is not None and linked.ends_at is not None:
            raise Refused("conflict", "Its embeddings pack is going to end. Cancel that first.", resource=linked.id)
    books = await work.ledger.books(resource.company_id, now)
    for contract, amount in books.allocations(resource.id):
        if not contract.runs(now):
            entry = ledger.reallocated(books, contract, resource.id, at=now, pack=pack(resource))
            if entry is None:
                ledger.allocated(books, resource.id, amount, at=now, pack=pack(resource))
                raise AssertionError("what cannot be allocated anew cannot be allocated")
            await post(context, work, actor, resource.company_id, entry)
            books = books.posted(entry)
