"""What we need from the control plane's database: transactions with one repository a noun.

A verb is one transaction: everything it writes, its activity entry and the jobs it enqueues stand or fall
together. What is asked for and not there is None; what is taken (a name, an e-mail) is Refused(conflict).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from packhouse.domain.activity import Deed, Entry, Head
from packhouse.domain.company import Company
from packhouse.domain.consumption import DayUse, Span, Split
from packhouse.domain.forecast import DayTokens
from packhouse.domain.key import Key, Opening
from packhouse.domain.ledger import Books, Contract, Transaction
from packhouse.domain.month import BundleMonth
from packhouse.domain.quota import MeterLimit
from packhouse.domain.resource import Resource
from packhouse.domain.terms import Acceptance
from packhouse.domain.units import CompanyId, ContractId, KeyId, ModelTokens, ResourceId, UserId
from packhouse.domain.user import Membership, PersonalToken, Session, User
from packhouse.ports.jobs import Job
from packhouse.ports.store_alert import AlertRepository, WebhookRepository


class CompanyRepository(Protocol):
    async def add(self, company: Company) -> None: ...
    async def get(self, company_id: CompanyId) -> Company | None: ...
    async def all(self) -> list[Company]:
        """By name."""
        ...

    async def replace(self, company: Company) -> None: ...
    async def lock(self, company_id: CompanyId) -> None:
        """Until the transaction ends no other one gets past this for the company: its books stay as read."""
        ...


class UserRepository(Protocol):
    async def add(self, user: User, password_hash: str | None) -> None: ...
    async def get(self, user_id: UserId) -> User | None: ...
    async def by_email(self, email: str) -> User | None: ...
    async def of_company(self, company_id: CompanyId | None) -> list[User]:
        """By e-mail; None: the operators."""
        ...

    async def replace(self, user: User) -> None:
        """All but the password."""
        ...

    async def password_hash(self, user_id: UserId) -> str | None: ...
    async def set_password(self, user_id: UserId, password_hash: str) -> None: ...
    async def emails(self, user_ids: Iterable[str]) -> Mapping[str, str]:
        """By user id; unknown ids are left out."""
        ...


class Failures(msgspec.Struct, frozen=True):
    """How often signing in to an account has failed since `since_at`."""

    count: int
    since_at: datetime


class SignInRepository(Protocol):
    async def add_session(self, session: Session, token_hash: bytes) -> None: ...
    async def session(self, token_hash: bytes) -> Session | None: ...
    async def end_session(self, token_hash: bytes) -> None: ...
    async def end_sessions(self, user_id: UserId, expired_before: datetime | None = None) -> None:
        """All of the user's, or those that have expired before that."""
        ...

    async def add_token(self, token: PersonalToken, token_hash: bytes) -> None: ...
    async def token(self, token_hash: bytes) -> PersonalToken | None: ...
    async def tokens(self, user_id: UserId) -> list[PersonalToken]:
        """Newest first."""
        ...

    async def replace_token(self, token: PersonalToken) -> None: ...
    async def add_link(self, user_id: UserId, token_hash: bytes, *, expires_at: datetime) -> None:
        """In the place of the user's older ones."""
        ...

    async def take_link(self, token_hash: bytes, now: datetime) -> UserId | None:
        """Whose link that is, once."""
        ...

    async def failures(self, email: str) -> Failures | None:
        """In a transaction that writes, others who ask for the same account wait for its end."""
        ...

    async def set_failures(self, email: str, failures: Failures | None, *, stale_before: datetime) -> None:
        """None: signed in. What is older than `stale_before` is forgotten, of everyone."""
        ...


class TermsRepository(Protocol):
    async def add(self, acceptance: Acceptance) -> None:
        """Twice is fine; the first counts."""
        ...

    async def of_company(self, company_id: CompanyId) -> tuple[Acceptance, ...]: ...


class LedgerRepository(Protocol):
    async def add_contract(self, contract: Contract) -> None: ...
    async def contract(self, contract_id: ContractId) -> Contract | None: ...
    async def books(self, company_id: CompanyId, at: datetime | None) -> Books:
        """The sums of what counts at that instant; None: of all that was written."""
        ...

    async def post(self, transaction: Transaction) -> Transaction:
        """The transaction with the number that it got."""
        ...

    async def transactions(self, company_id: CompanyId) -> list[Transaction]:
        """In the order in which they were written."""
        ...


class Request(msgspec.Struct, frozen=True):
    """A provision request that was fulfilled."""

    company_id: CompanyId
    idempotency_key: str
    order_digest: bytes
    resource_id: ResourceId


class ResourceRepository(Protocol):
    """Every write makes the data plane read keys, resources and limits anew."""

    async def add(self, resource: Resource) -> None: ...
    async def get(self, resource_id: ResourceId) -> Resource | None: ...
    async def of_company(self, company_id: CompanyId) -> list[Resource]:
        """In the order of their creation."""
        ...

    async def of_member(self, user_id: UserId) -> list[Resource]:
        """Those whose team the user is in, in the order of their creation."""
        ...

    async def linked_to(self, embeddings_resource_id: ResourceId) -> list[Resource]: ...
    async def replace(self, resource: Resource) -> None: ...
    async def limits(self, resource_id: ResourceId, month_start_at: datetime) -> tuple[MeterLimit, ...]:
        """Those of the bundle month that starts then."""
        ...

    async def limits_of(
        self, resource_id: ResourceId, months: Sequence[BundleMonth]
    ) -> Mapping[datetime, tuple[MeterLimit, ...]]:
        """The same for several months, by their starts."""
        ...

    async def set_limits(self, resource_id: ResourceId, limits: Sequence[MeterLimit], *, from_at: datetime) -> None:
        """From the bundle month that starts at `from_at` on, in the place of all that was set for it or later."""
        ...

    async def request(self, company_id: CompanyId, idempotency_key: str) -> Request | None: ...
    async def add_request(self, request: Request, at: datetime) -> None: ...


class TeamRepository(Protocol):
    async def add(self, membership: Membership) -> None:
        """Twice is fine; the first counts."""
        ...

    async def remove(self, resource_id: ResourceId, user_id: UserId) -> None: ...
    async def get(self, resource_id: ResourceId, user_id: UserId) -> Membership | None: ...
    async def of_resource(self, resource_id: ResourceId) -> list[Membership]: ...


class KeyRepository(Protocol):
    """Every write makes the data plane read keys, resources and limits anew."""

    async def add(self, key: Key, secret_hash: bytes) -> None: ...
    async def get(self, key_id: KeyId) -> Key | None: ...
    async def replace(self, key: Key) -> None:
        """`last_used_at` is the data plane's and stays."""
        ...

    async def opening(self, resource_id: ResourceId) -> list[Key]:
        """Keys that open the resource, themselves or through a knowledge base that embeds with it, newest first."""
        ...

    async def openings(self, key_id: KeyId) -> tuple[tuple[Opening, ResourceId | None], ...]:
        """What the key was opened to, the home first, each with the embeddings resource it is linked to."""
        ...

    async def named(self, key_ids: Collection[str]) -> list[Key]:
        """Those of them that are known, in any order."""
        ...

    async def open(self, key_id: KeyId, resource_id: ResourceId, *, at: datetime) -> None:
        """Twice is fine."""
        ...

    async def shut(self, key_id: KeyId, resource_id: ResourceId) -> None: ...


class MonthSums(msgspec.Struct, frozen=True):
    calls: int = 0
    estimated_calls: int = 0
    tokens: ModelTokens = ModelTokens()


class ConsumptionRepository(Protocol):
    """Written by the data plane, read here."""

    async def used(self, resource_id: ResourceId, months: Sequence[BundleMonth]) -> Mapping[tuple[datetime, str], int]:
        """By start of the month and meter."""
        ...

    async def sums(self, resource_id: ResourceId, months: Sequence[BundleMonth]) -> Mapping[datetime, MonthSums]:
        """By start of the month, to the call; those without a call are left out."""
        ...

    async def tokens_by_day(self, resource_id: ResourceId, since_at: datetime) -> list[DayTokens]:
        """From the day of that instant on, in order."""
        ...

    async def days(self, resource_id: ResourceId, span: Span, *, split: Split) -> list[DayUse]:
        """UTC days that have something, in order; `key` holds the key's id.

        To the call, so that the days of a bundle month make its sums. What is counted in knowledge bases counts by
        whole hours: one within which the span begins is in it, one within which it ends is not.
        """
        ...


class ActivityRepository(Protocol):
    async def append(self, deed: Deed, *, at: datetime, actor_id: UserId) -> None:
        """To the chain of the deed's company."""
        ...

    async def head(self, company_id: CompanyId) -> Head: ...
    async def chain(self, company_id: CompanyId) -> list[Entry]:
        """The whole chain, from its first entry."""
        ...

    async def newest(
        self,
        company_id: CompanyId,
        resource_id: ResourceId | None,
        *,
        verb: str,
        before: int | None,
        limit: int,
    ) -> list[Entry]:
        """`verb` is a whole verb or the part before its dot, empty for all."""
        ...


class JobRepository(Protocol):
    async def enqueue(self, job: Job) -> None: ...


class Work(Protocol):
    """One transaction."""

    @property
    def companies(self) -> CompanyRepository: ...
    @property
    def users(self) -> UserRepository: ...
    @property
    def sign_in(self) -> SignInRepository: ...
    @property
    def terms(self) -> TermsRepository: ...
    @property
    def ledger(self) -> LedgerRepository: ...
    @property
    def resources(self) -> ResourceRepository: ...
    @property
    def team(self) -> TeamRepository: ...
    @property
    def keys(self) -> KeyRepository: ...
    @property
    def consumption(self) -> ConsumptionRepository: ...
    @property
    def activity(self) -> ActivityRepository: ...
    @property
    def jobs(self) -> JobRepository: ...
    @property
    def alerts(self) -> AlertRepository: ...
    @property
    def webhooks(self) -> WebhookRepository: ...


class Store(Protocol):
    def reading(self) -> AbstractAsyncContextManager[Work]:
        """A consistent view; nothing may be written."""
        ...

    def writing(self) -> AbstractAsyncContextManager[Work]:
        """Committed when the block ends, rolled back when it raises. One writer at a time, or as if."""
        ...
