"""The resource: one provisioned pack, the moves it allows, and the status that is derived from it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.month import BundleMonth, bundle_month
from packhouse.domain.units import CompanyId, ResourceId, ResourceType, UserId

Environment = Literal["test", "acceptance", "production"]
State = Literal["provisioning", "active", "failed", "deprovisioned"]
SuspensionReason = Literal["terms_not_accepted", "operator"]
Move = Literal[
    "activate",
    "fail",
    "schedule_deprovision",
    "schedule_downgrade",
    "cancel_scheduled",
    "upgrade",
    "deprovision",
    "downgrade",
    "suspend",
    "resume",
    "edit",
    "use",
]

MOVES: Mapping[State, frozenset[Move]] = {
    "provisioning": frozenset[Move](("activate", "fail")),
    "active": frozenset(get_args(Move)) - {"activate", "fail"},
    "failed": frozenset[Move](("deprovision",)),
    "deprovisioned": frozenset(),
}
"""What may be done to a resource in each state; everything else is refused with `resource_inactive`."""


class ScheduledDeprovision(msgspec.Struct, frozen=True, tag="deprovision"):
    """Usable until `effective_at`."""

    effective_at: datetime


class ScheduledDowngrade(msgspec.Struct, frozen=True, tag="downgrade"):
    """From `effective_at` on the resource has `plan`."""

    effective_at: datetime
    plan: str


ScheduledChange = ScheduledDeprovision | ScheduledDowngrade


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """`activated_at` anchors its bundle months. `model` is empty for a knowledge base, which has
    `embeddings_resource_id` instead, and `embeddings_model` with `embeddings_dimensions` pinned to what that pack's
    model was when it was provisioned (empty and 0 for those of before). `fallback_model` (of the same family; empty:
    none) answers where its own model's provider fails. A newer scheduled change replaces the one before."""

    id: ResourceId
    company_id: CompanyId
    type: ResourceType
    display_name: str
    environment: Environment
    region: str
    cri: bool
    model: str
    fallback_model: str = ""
    plan: str
    created_at: datetime
    created_by: UserId
    created_for_name: str = ""
    created_for_email: str = ""
    embeddings_resource_id: ResourceId | None = None
    embeddings_model: str = ""
    embeddings_dimensions: int = 0
    activated_at: datetime | None = None
    failed_at: datetime | None = None
    deprovisioned_at: datetime | None = None
    scheduled: ScheduledChange | None = None
    suspensions: frozenset[SuspensionReason] = frozenset()

    @property
    def ends_at(self) -> datetime | None:
        """Until when it is usable, where its end is scheduled."""
        return self.scheduled.effective_at if isinstance(self.scheduled, ScheduledDeprovision) else None

    def state(self, now: datetime) -> State:
        """At its end it is deprovisioned, whether or not that has been written down yet."""
        if self.deprovisioned_at is not None or (self.ends_at is not None and self.ends_at <= now):
            return "deprovisioned"
        if self.failed_at is not None:
            return "failed"
        return "provisioning" if self.activated_at is None else "active"

    def month(self, now: datetime) -> BundleMonth:
        """The running bundle month; before the activation, as if it were activated at its creation."""
        return bundle_month(self.activated_at or self.created_at, now)


class Status(msgspec.Struct, frozen=True):
    """What a person is shown: the state, what will change and when, and why it is suspended."""

    state: State
    scheduled: ScheduledChange | None
    suspensions: tuple[SuspensionReason, ...]

    @property
    def usable(self) -> bool:
        return self.state == "active" and not self.suspensions


def status(resource: Resource, now: datetime) -> Status:
    """Derived, never stored."""
    state = resource.state(now)
    scheduled = resource.scheduled if state == "active" else None
    return Status(state, scheduled, tuple(sorted(resource.suspensions)))


def require(resource: Resource, move: Move, *, now: datetime) -> None:
    """Refused(resource_inactive) where the state does not allow the move."""
    state = resource.state(now)
    if move not in MOVES[state]:
        raise Refused("resource_inactive", f"The resource is {state}: {_WHY_NOT[state]}", state=state)


def activated(resource: Resource, now: datetime) -> Resource:
    require(resource, "activate", now=now)
    return msgspec.structs.replace(resource, activated_at=now)


def failed(resource: Resource, now: datetime) -> Resource:
    require(resource, "fail", now=now)
    return msgspec.structs.replace(resource, failed_at=now)


def deprovision_scheduled(resource: Resource, *, at: datetime, now: datetime) -> Resource:
    """It ends at `at`, the end of its running bundle month."""
    require(resource, "schedule_deprovision", now=now)
    return msgspec.structs.replace(resource, scheduled=ScheduledDeprovision(at))


def downgrade_scheduled(resource: Resource, plan: str, *, at: datetime, now: datetime) -> Resource:
    require(resource, "schedule_downgrade", now=now)
    return msgspec.structs.replace(resource, scheduled=ScheduledDowngrade(at, plan))


def scheduled_cancelled(resource: Resource, now: datetime) -> Resource:
    """Refused(conflict) where nothing is scheduled."""
    require(resource, "cancel_scheduled", now=now)
    if resource.scheduled is None:
        raise Refused("conflict", "Nothing is scheduled for this resource.")
    return msgspec.structs.replace(resource, scheduled=None)


def upgraded(resource: Resource, plan: str, *, now: datetime) -> Resource:
    """At once; a downgrade that was scheduled is replaced by it."""
    require(resource, "upgrade", now=now)
    scheduled = resource.scheduled if resource.ends_at is not None else None
    return msgspec.structs.replace(resource, plan=plan, scheduled=scheduled)


def downgraded(resource: Resource) -> Resource:
    """The scheduled downgrade has come into force."""
    assert isinstance(resource.scheduled, ScheduledDowngrade)
    return msgspec.structs.replace(resource, plan=resource.scheduled.plan, scheduled=None)


def deprovisioned(resource: Resource, at: datetime) -> Resource:
    return msgspec.structs.replace(resource, deprovisioned_at=at)


def suspended(resource: Resource, reason: SuspensionReason, *, now: datetime) -> Resource:
    require(resource, "suspend", now=now)
    return msgspec.structs.replace(resource, suspensions=resource.suspensions | {reason})


def resumed(resource: Resource, reason: SuspensionReason, *, now: datetime) -> Resource:
    require(resource, "resume", now=now)
    return msgspec.structs.replace(resource, suspensions=resource.suspensions - {reason})


_WHY_NOT: Mapping[State, str] = {
    "provisioning": "wait until it is active.",
    "active": "that was done already.",
    "failed": "its provisioning went wrong; deprovision it and provision another.",
    "deprovisioned": "it is gone for good; provision another.",
}
