"""What every service of the control plane stands on, and a verb in progress."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from packhouse.domain.activity import Deed
from packhouse.domain.catalog import Catalog, Offering
from packhouse.domain.resource import Resource
from packhouse.domain.user import Actor
from packhouse.ports.identity import Passwords
from packhouse.ports.outside import Clock, Ids
from packhouse.ports.store import Store, Work
from packhouse.ports.vectors import KnowledgeSizes


@dataclass(frozen=True, slots=True)
class Telling:
    """How this installation tells people: whether e-mail is set up, and whether webhooks may lead to addresses that
    are not public."""

    by_mail: bool = False
    private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    store: Store
    clock: Clock
    ids: Ids
    passwords: Passwords
    catalog: Catalog
    offering: Offering
    sizes: KnowledgeSizes
    telling: Telling = Telling()

    @asynccontextmanager
    async def reading(self, actor: Actor) -> "AsyncGenerator[Act]":
        """A transaction that only looks."""
        now = self.clock.now()
        async with self.store.reading() as work:
            yield Act(self, work, actor, now)

    @asynccontextmanager
    async def writing(self, actor: Actor) -> "AsyncGenerator[Act]":
        """A verb's one transaction. What it makes is dated to its beginning."""
        async with self.store.writing() as work:
            yield Act(self, work, actor, self.clock.now())


@dataclass(frozen=True, slots=True)
class Act:
    """One actor's verb inside one transaction, at one instant."""

    context: Context
    work: Work
    actor: Actor
    now: datetime

    def by(self, actor: Actor) -> "Act":
        """The same transaction with another actor: `SYSTEM` where nobody acts, but time has passed."""
        return replace(self, actor=actor)

    async def log_on(self, resource: Resource, verb: str, *facts: tuple[str, str]) -> None:
        """The activity entry of something done to a resource."""
        await self.log(
            Deed(
                company_id=resource.company_id,
                verb=verb,
                subject_id=resource.id,
                resource_id=resource.id,
                facts=facts,
            )
        )

    async def log(self, deed: Deed) -> None:
        """The activity entry of what the transaction does."""
        await self.work.activity.append(deed, at=self.now, actor_id=self.actor.user_id)
