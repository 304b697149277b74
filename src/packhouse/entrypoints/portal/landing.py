"""The first page: the resources of the one who is looking, with how much of each is used."""

import msgspec
from litestar import Response, get

from packhouse.domain.consumption import Consumption
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Visit, Visiting
from packhouse.entrypoints.portal.words import done
from packhouse.services.resource_view import ResourceView


class Card(msgspec.Struct, frozen=True):
    """A resource at a glance. `consumption` is None where it consumes nothing any more, or not yet."""

    view: ResourceView
    consumption: Consumption | None = None


@get("/")
async def landing(visit: Visiting) -> Response[str]:
    """Operators have companies, not resources."""
    if visit.actor.is_operator:
        return go(visit.site, f"/companies?done={visit.done}" if done(visit.done) else "/companies")
    views = await visit.control.resources.list(visit.actor)
    return page(visit, "landing.html", cards=await cards(visit, views))


async def cards(visit: Visit, views: list[ResourceView]) -> list[Card]:
    """Those that are gone come last; else in the order given."""
    found = [await _card(visit, view) for view in views]
    return sorted(found, key=lambda card: card.view.status.state == "deprovisioned")


async def _card(visit: Visit, view: ResourceView) -> Card:
    if view.status.state != "active":
        return Card(view)
    return Card(view, await visit.control.consumption.running(visit.actor, view.resource.id))
