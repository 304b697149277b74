"""The activity log, and the proof that nobody changed it."""

from typing import Annotated

from litestar import get
from litestar.params import FromPath
from msgspec import Meta

from packhouse.domain.units import CompanyId, ResourceId
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Asked, Body, Caller, Instant, Services
from packhouse.services.activity import ActivityQuery, ActivityView

LIMIT_MAX = 1000
NUMBER_MAX = 2**53


class ActivityFilter(Body, frozen=True):
    """`before` is an entry's number: those before it. `verb` is a whole verb or the part before a dot."""

    resource_id: str | None = None
    verb: str = ""
    before: Annotated[int, Meta(ge=1, le=NUMBER_MAX)] | None = None
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = 100


class Entry(Answer, frozen=True):
    """`number` counts the chain's entries; `hash` covers this one and all before it. `actor` is an e-mail."""

    number: int
    at: Instant
    actor_id: str
    actor: str
    verb: str
    subject_id: str
    resource_id: str | None
    facts: dict[str, str]
    hash: str


class Activity(Answer, frozen=True):
    entries: list[Entry]


class Verification(Answer, frozen=True):
    """`broken_at` is the number of the first entry that is not what was written, null where all is well."""

    entries: int
    intact: bool
    broken_at: int | None


@get(
    "/companies/{company_id:str}/activity",
    summary="List what was done, newest first; the operators' own chain is that of company `installation`",
    opt=refuses("not_found", "forbidden"),
)
async def list_activity(
    *, control: Services, actor: Caller, company_id: FromPath[str], asked: Asked[ActivityFilter]
) -> Activity:
    query = ActivityQuery(
        company_id=CompanyId(company_id),
        resource_id=ResourceId(asked.resource_id) if asked.resource_id else None,
        verb=asked.verb,
        before=asked.before,
        limit=asked.limit,
    )
    return Activity(entries=[_entry(view) for view in await control.activity.list(actor, query)])


@get(
    "/companies/{company_id:str}/activity/verification",
    summary="Walk a company's whole chain and say whether it is intact",
    opt=refuses("not_found", "forbidden"),
)
async def verify_activity(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Verification:
    return Verification.of(await control.activity.verify(actor, CompanyId(company_id)))


def _entry(view: ActivityView) -> Entry:
    entry, deed = view.entry, view.entry.deed
    return Entry(
        number=entry.number,
        at=entry.at,
        actor_id=entry.actor_id,
        actor=view.actor,
        verb=deed.verb,
        subject_id=deed.subject_id,
        resource_id=deed.resource_id,
        facts=dict(deed.facts),
        hash=entry.hash.hex(),
    )


ROUTES = (list_activity, verify_activity)
