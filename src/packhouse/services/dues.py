"""Writing down what the passing of time has brought, inside a transaction that is about to act on it."""

from collections.abc import Iterable

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.due import Due, Stake, due
from packhouse.domain.ledger import Books, Entry, Transaction
from packhouse.domain.resource import (
    Resource,
    ScheduledDeprovision,
    ScheduledDowngrade,
    deprovisioned,
    downgraded,
    resumed,
    suspended,
)
from packhouse.domain.terms import Acceptance, standing
from packhouse.domain.units import CompanyId, JobId, ResourceId
from packhouse.domain.user import SYSTEM, Actor
from packhouse.ports.jobs import Job
from packhouse.ports.store import Work
from packhouse.services.context import Context

ERASE = "erase"
"""The kind of job that erases what a deprovisioned knowledge base holds."""

_PACK_WORDS = {"text_generation": "Text generation", "embeddings": "Embeddings", "knowledge_base": "Knowledge base"}


def pack(resource: Resource, plan: str | None = None) -> str:
    """What was bought, in words for the list of transactions."""
    return f"{_PACK_WORDS[resource.type]} {plan or resource.plan}"


async def post(context: Context, work: Work, actor: Actor, company_id: CompanyId, entry: Entry) -> Transaction:
    """Put an entry into the journal. The company is locked."""
    transaction = Transaction(
        id=context.ids.new("led"),
        company_id=company_id,
        number=0,
        recorded_at=context.clock.now(),
        recorded_by=actor.user_id,
        entry=entry,
    )
    return await work.ledger.post(transaction)


async def is_due(context: Context, work: Work, company_id: CompanyId) -> bool:
    """Whether `settle` would write something; for a transaction that only reads."""
    resources = await work.resources.of_company(company_id)
    if await _due(context, work, company_id, resources):
        return True
    accepted = await work.terms.of_company(company_id)
    return any(_terms_change(context, one, accepted) is not None for one in resources)


async def settle(context: Context, work: Work, company_id: CompanyId) -> bool:
    """Book all that fell due, dated to when it did; False where nothing did. The company is locked.

    Comes before every other booking: what is booked now must not count before what was due already.
    """
    resources = await work.resources.of_company(company_id)
    found = await _due(context, work, company_id, resources)
    for entry in found.entries:
        await post(context, work, SYSTEM, company_id, entry)
    await _apply(context, work, {one.id: one for one in resources}, found)
    terms_changed = await settle_terms(context, work, company_id)
    return bool(found) or terms_changed


async def settle_terms(context: Context, work: Work, company_id: CompanyId) -> bool:
    """Suspend resources whose provider's terms are no longer accepted, and let go those whose are again."""
    accepted = await work.terms.of_company(company_id)
    changed = False
    for resource in await work.resources.of_company(company_id):
        change = _terms_change(context, resource, accepted)
        if change is not None:
            verb = "resource.suspended" if change.suspensions - resource.suspensions else "resource.resumed"
            await work.resources.replace(change)
            await _log(context, work, change, verb, ("reason", "terms_not_accepted"))
            changed = True
    return changed


async def _due(context: Context, work: Work, company_id: CompanyId, resources: Iterable[Resource]) -> Due:
    now = context.clock.now()
    books = await work.ledger.books(company_id, now)
    alive = [one for one in resources if one.deprovisioned_at is None]
    # embeddings packs first: a knowledge base is no use without the one it is linked to
    alive.sort(key=lambda one: (one.type != "embeddings", one.created_at, one.id))
    return due(books, [_stake(context, books, one) for one in alive], now)


def _stake(context: Context, books: Books, resource: Resource) -> Stake:
    shrinks_at, shrinks_by = None, 0
    scheduled = resource.scheduled
    if isinstance(scheduled, ScheduledDowngrade):
        shrinks_at = scheduled.effective_at
        held = sum(amount for _, amount in books.allocations(resource.id))
        price = context.catalog.price(resource.type, scheduled.plan, resource.model)
        shrinks_by = 0 if price is None else max(0, held - price)
    return Stake(
        resource_id=resource.id,
        anchor_at=resource.activated_at or resource.created_at,
        pack=pack(resource),
        ends_at=resource.ends_at,
        shrinks_at=shrinks_at,
        shrinks_by=shrinks_by,
    )


async def _apply(context: Context, work: Work, resources: dict[ResourceId, Resource], found: Due) -> None:
    for resource_id, _ in found.shrunk:
        resources[resource_id] = downgraded(resources[resource_id])
        await work.resources.replace(resources[resource_id])
        await _log(context, work, resources[resource_id], "resource.downgraded")
    for resource_id, at in found.must_end:
        resources[resource_id] = msgspec.structs.replace(resources[resource_id], scheduled=ScheduledDeprovision(at))
        await work.resources.replace(resources[resource_id])
        facts = (("ends_at", at.isoformat()), ("reason", "contract_over"))
        await _log(context, work, resources[resource_id], "resource.deprovision_scheduled", *facts)
    for resource_id, at in found.ended:
        resource = deprovisioned(resources[resource_id], at)
        await work.resources.replace(resource)
        await _log(context, work, resource, "resource.deprovisioned", ("at", at.isoformat()))
        if resource.type == "knowledge_base":
            await work.jobs.enqueue(_erasure(context, resource))


def _erasure(context: Context, resource: Resource) -> Job:
    return Job(
        id=JobId(context.ids.new("job")),
        kind=ERASE,
        resource_id=resource.id,
        subject_id=resource.id,
        state="waiting",
        created_at=context.clock.now(),
    )


def _terms_change(context: Context, resource: Resource, accepted: tuple[Acceptance, ...]) -> Resource | None:
    """The resource as the terms want it; None where it is so already."""
    now = context.clock.now()
    model = next((one for one in context.catalog.models if one.id == resource.model), None)
    if model is None or resource.state(now) != "active":
        return None
    terms = context.catalog.terms_of(model)
    missing = any(standing(one, accepted, now).state == "missing" for one in terms)
    if missing == ("terms_not_accepted" in resource.suspensions):
        return None
    return (suspended if missing else resumed)(resource, "terms_not_accepted", now)


async def _log(context: Context, work: Work, resource: Resource, verb: str, *facts: tuple[str, str]) -> None:
    deed = Deed(company_id=resource.company_id, verb=verb, subject_id=resource.id, resource_id=resource.id, facts=facts)
    await context.log(work, SYSTEM, deed)
