"""The activity log as it is read, and the proof that nobody changed it."""

import msgspec

from packhouse.domain.activity import INSTALLATION, Entry, Verification, verify
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, ResourceId
from packhouse.domain.user import Actor
from packhouse.services.access import company_administered, not_found, require_operator, resource_seen
from packhouse.services.context import Act, Context

LIMIT_MAX = 500


class ActivityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`before` is an entry's number: those before it (paging). `verb` is a whole verb or the part before a dot."""

    company_id: CompanyId
    resource_id: ResourceId | None = None
    verb: str = ""
    before: int | None = None
    limit: int = 100


class ActivityView(msgspec.Struct, frozen=True):
    """`actor` is an e-mail, `system` for what fell due by itself."""

    entry: Entry
    actor: str


class ActivityLog:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, query: ActivityQuery) -> list[ActivityView]:
        """Newest first. A resource's for its team; the company's for its admins and operators. The chain
        `activity.INSTALLATION` is the operators'. Refused: not_found, invalid_request."""
        if not 1 <= query.limit <= LIMIT_MAX:
            raise Refused("invalid_request", f"The limit is 1 to {LIMIT_MAX}.", field="limit")
        async with self._context.reading(actor) as act:
            if query.resource_id is None:
                await _chain_seen(act, query.company_id)
            elif (await resource_seen(act, query.resource_id)).company_id != query.company_id:
                raise not_found("resource", query.resource_id)
            entries = await act.work.activity.newest(
                query.company_id, query.resource_id, verb=query.verb, before=query.before, limit=query.limit
            )
            emails = await act.work.users.emails(entry.actor_id for entry in entries)
        return [ActivityView(entry, emails.get(entry.actor_id, entry.actor_id)) for entry in entries]

    async def verify(self, actor: Actor, company_id: CompanyId) -> Verification:
        """Walk the whole chain. For the company's admins and operators. Refused: not_found."""
        async with self._context.reading(actor) as act:
            await _chain_seen(act, company_id)
            return verify(await act.work.activity.chain(company_id), await act.work.activity.head(company_id))


async def _chain_seen(act: Act, company_id: CompanyId) -> None:
    if company_id == INSTALLATION:
        require_operator(act.actor)
    else:
        await company_administered(act, company_id)
