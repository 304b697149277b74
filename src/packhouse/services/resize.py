"""Changes of a resource's size: up at once, down with the next bundle month; inside a transaction."""

from packhouse.domain import ledger
from packhouse.domain.catalog import Plan
from packhouse.domain.errors import Refused
from packhouse.domain.quota import raised
from packhouse.domain.resource import Resource, ScheduledDowngrade, downgrade_scheduled, upgraded
from packhouse.services.context import Act
from packhouse.services.dues import pack, post


async def upgrade(act: Act, resource: Resource, *, plan: Plan) -> Resource:
    """Allocates the difference and adds to the running month's quota. Refused: balance_short, contract_over."""
    changed = upgraded(resource, plan.name, now=act.now)
    books = await act.work.ledger.books(resource.company_id, act.now)
    held = sum(amount for _, amount in books.allocations(resource.id))
    difference = plan.price_cloud_tokens - held
    if difference > 0:
        entry = ledger.allocated(books, resource.id, cloud_tokens=difference, at=act.now, pack=pack(changed))
        await post(act, resource.company_id, entry=entry)
    await _raise(act, resource, plan=plan, held=held)
    await act.work.resources.replace(changed)
    await act.log_on(changed, "resource.upgraded", ("plan", plan.name))
    return changed


async def _raise(act: Act, resource: Resource, *, plan: Plan, held: int) -> None:
    """The running month's limits, and those from the next one on where the plan counts otherwise."""
    month = resource.month(act.now)
    running = await act.work.resources.limits(resource.id, month.start_at)
    limits = raised(running, plan.limits, paid=held, price=plan.price_cloud_tokens)
    await act.work.resources.set_limits(resource.id, limits, from_at=month.start_at)
    if limits != plan.limits:
        await act.work.resources.set_limits(resource.id, plan.limits, from_at=month.end_at)


async def downgrade(act: Act, resource: Resource, *, plan: Plan) -> Resource:
    """With the next bundle month; the tokens return only then. It replaces a scheduled deprovision."""
    next_at = resource.month(act.now).end_at
    changed = downgrade_scheduled(resource, plan.name, at=next_at, now=act.now)
    if resource.ends_at is not None:
        await secure(act, resource)
    await act.work.resources.set_limits(resource.id, plan.limits, from_at=next_at)
    await act.work.resources.replace(changed)
    facts = (("plan", plan.name), ("from_at", next_at.isoformat()))
    await act.log_on(changed, "resource.downgrade_scheduled", *facts)
    return changed


async def replaced(act: Act, before: Resource, *, after: Resource) -> tuple[str, ...]:
    """What a newer change did to one that was scheduled: the notice for who made it, and an entry in the activity log.

    Empty where nothing was scheduled, or it stands as it was.
    """
    was = before.scheduled
    if was is None or after.scheduled == was:
        return ()
    day = f"{was.effective_at:%Y-%m-%d %H:%M} UTC"
    what = f"downgrade to {was.plan}" if isinstance(was, ScheduledDowngrade) else "deprovisioning"
    change = "downgrade" if isinstance(was, ScheduledDowngrade) else "deprovision"
    facts = (("change", change), ("effective_at", was.effective_at.isoformat()))
    await act.log_on(after, "resource.scheduled_replaced", *facts)
    return (f"This replaced the {what} that was scheduled for {day}.",)


async def secure(act: Act, resource: Resource) -> None:
    """What must hold for a resource to stay, after its end was scheduled: paid by a contract that runs, and a
    knowledge base's embeddings pack stays too. Refused: balance_short, contract_over, conflict."""
    if resource.embeddings_resource_id is not None:
        linked = await act.work.resources.get(resource.embeddings_resource_id)
        if linked is not None and linked.ends_at is not None:
            raise Refused("conflict", "Its embeddings pack is going to end. Cancel that first.", resource=linked.id)
    books = await act.work.ledger.books(resource.company_id, act.now)
    for contract, amount in books.allocations(resource.id):
        if not contract.runs(act.now):
            entry = ledger.reallocated(books, resource.id, contract=contract, at=act.now, pack=pack(resource))
            if entry is None:
                ledger.allocated(books, resource.id, cloud_tokens=amount, at=act.now, pack=pack(resource))
                raise AssertionError("what cannot be allocated anew cannot be allocated")
            await post(act, resource.company_id, entry=entry)
            books = books.posted(entry)
