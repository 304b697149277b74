"""Writing down what the passing of time has brought, inside a transaction that is about to act on it."""

from collections.abc import Iterable

import msgspec

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
from packhouse.domain.user import SYSTEM
from packhouse.ports.jobs import Job
from packhouse.services.context import Act

ERASE = "erase"
"""The kind of job that erases what a deprovisioned knowledge base holds."""

_PACK_WORDS = {"text_generation": "Text generation", "embeddings": "Embeddings", "knowledge_base": "Knowledge base"}


def pack(resource: Resource, plan: str | None = None) -> str:
    """What was bought, in words for the list of transactions."""
    return f"{_PACK_WORDS[resource.type]} {plan or resource.plan}"


async def post(act: Act, company_id: CompanyId, *, entry: Entry) -> Transaction:
    """Put an entry into the journal. The company is locked."""
    transaction = Transaction(
        id=act.context.ids.new("led"),
        company_id=company_id,
        number=0,
        recorded_at=act.now,
        recorded_by=act.actor.user_id,
        entry=entry,
    )
    return await act.work.ledger.post(transaction)


async def is_due(act: Act, company_id: CompanyId) -> bool:
    """Whether `settle` would write something; for a transaction that only reads."""
    resources = await act.work.resources.of_company(company_id)
    if await _due(act, company_id, resources=resources):
        return True
    accepted = await act.work.terms.of_company(company_id)
    return any(_terms_change(act, one, accepted=accepted) is not None for one in resources)


async def settle(act: Act, company_id: CompanyId) -> bool:
    """Book all that fell due, dated to when it did; False where nothing did. The company is locked.

    Comes before every other booking: what is booked now must not count before what was due already.
    """
    act = act.by(SYSTEM)
    resources = await act.work.resources.of_company(company_id)
    found = await _due(act, company_id, resources=resources)
    for entry in found.entries:
        await post(act, company_id, entry=entry)
    await _apply(act, found, resources={one.id: one for one in resources})
    terms_changed = await settle_terms(act, company_id)
    return bool(found) or terms_changed


async def settle_terms(act: Act, company_id: CompanyId) -> bool:
    """Suspend resources whose provider's terms are no longer accepted, and let go those whose are again."""
    act = act.by(SYSTEM)
    accepted = await act.work.terms.of_company(company_id)
    changed = False
    for resource in await act.work.resources.of_company(company_id):
        change = _terms_change(act, resource, accepted=accepted)
        if change is not None:
            verb = "resource.suspended" if change.suspensions - resource.suspensions else "resource.resumed"
            await act.work.resources.replace(change)
            await act.log_on(change, verb, ("reason", "terms_not_accepted"))
            changed = True
    return changed


async def _due(act: Act, company_id: CompanyId, *, resources: Iterable[Resource]) -> Due:
    books = await act.work.ledger.books(company_id, act.now)
    alive = [one for one in resources if one.deprovisioned_at is None]
    # embeddings packs first: a knowledge base is no use without the one it is linked to
    alive.sort(key=lambda one: (one.type != "embeddings", one.created_at, one.id))
    return due(books, [_stake(act, one, books=books) for one in alive], now=act.now)


def _stake(act: Act, resource: Resource, *, books: Books) -> Stake:
    shrinks_at, shrinks_by = None, 0
    scheduled = resource.scheduled
    if isinstance(scheduled, ScheduledDowngrade):
        shrinks_at = scheduled.effective_at
        held = sum(amount for _, amount in books.allocations(resource.id))
        price = act.context.catalog.price(scheduled.plan, resource.type, model_id=resource.model)
        shrinks_by = 0 if price is None else max(0, held - price)
    return Stake(
        resource_id=resource.id,
        anchor_at=resource.activated_at or resource.created_at,
        pack=pack(resource),
        ends_at=resource.ends_at,
        shrinks_at=shrinks_at,
        shrinks_by=shrinks_by,
    )


async def _apply(act: Act, found: Due, *, resources: dict[ResourceId, Resource]) -> None:
    for resource_id, _ in found.shrunk:
        resources[resource_id] = downgraded(resources[resource_id])
        await act.work.resources.replace(resources[resource_id])
        await act.log_on(resources[resource_id], "resource.downgraded")
    for resource_id, at in found.must_end:
        resources[resource_id] = msgspec.structs.replace(resources[resource_id], scheduled=ScheduledDeprovision(at))
        await act.work.resources.replace(resources[resource_id])
        facts = (("ends_at", at.isoformat()), ("reason", "contract_over"))
        await act.log_on(resources[resource_id], "resource.deprovision_scheduled", *facts)
    for resource_id, at in found.ended:
        resource = deprovisioned(resources[resource_id], at)
        await act.work.resources.replace(resource)
        await act.log_on(resource, "resource.deprovisioned", ("at", at.isoformat()))
        if resource.type == "knowledge_base":
            await act.work.jobs.enqueue(_erasure(act, resource))


def _erasure(act: Act, resource: Resource) -> Job:
    return Job(
        id=JobId(act.context.ids.new("job")),
        kind=ERASE,
        resource_id=resource.id,
        subject_id=resource.id,
        state="waiting",
        created_at=act.now,
    )


def _terms_change(act: Act, resource: Resource, *, accepted: tuple[Acceptance, ...]) -> Resource | None:
    """The resource as the terms want it; None where it is so already."""
    model = next((one for one in act.context.catalog.models if one.id == resource.model), None)
    if model is None or resource.state(act.now) != "active":
        return None
    terms = act.context.catalog.terms_of(model)
    missing = any(standing(one, accepted, now=act.now).state == "missing" for one in terms)
    if missing == ("terms_not_accepted" in resource.suspensions):
        return None
    return (suspended if missing else resumed)(resource, "terms_not_accepted", now=act.now)
