"""What every service of the control plane stands on."""

from dataclasses import dataclass

from packhouse.domain.catalog import Catalog, Offering
from packhouse.ports.identity import Passwords
from packhouse.ports.outside import Clock, Ids
from packhouse.ports.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    store: Store
    clock: Clock
    ids: Ids
    passwords: Passwords
    catalog: Catalog
    offering: Offering
