"""What every service of the control plane stands on."""

from dataclasses import dataclass

from packhouse.domain.activity import Deed
from packhouse.domain.catalog import Catalog, Offering
from packhouse.domain.user import Actor
from packhouse.ports.identity import Passwords
from packhouse.ports.outside import Clock, Ids
from packhouse.ports.store import Store, Work


@dataclass(frozen=True, slots=True)
class Context:
    store: Store
    clock: Clock
    ids: Ids
    passwords: Passwords
    catalog: Catalog
    offering: Offering

    async def log(self, work: Work, actor: Actor, deed: Deed) -> None:
        """The activity entry of what the transaction does."""
        await work.activity.append(deed, at=self.clock.now(), actor_id=actor.user_id)
