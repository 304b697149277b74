"""The activity log as it is read, and the proof that nobody changed it."""

import msgspec

from packhouse.domain.activity import Entry, Verification
from packhouse.domain.units import CompanyId, ResourceId
from packhouse.domain.user import Actor
from packhouse.services.context import Context


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
        raise NotImplementedError

    async def verify(self, actor: Actor, company_id: CompanyId) -> Verification:
        """Walk the whole chain. For the company's admins and operators. Refused: not_found."""
        raise NotImplementedError
