"""The first page: the resources of the one who is looking."""

from litestar import Response, get

from packhouse.entrypoints.portal.pages import page
from packhouse.entrypoints.portal.site import Visit


@get("/")
async def landing(visit: Visit) -> Response[str]:
    resources = await visit.control.resources.list(visit.actor)
    return page(visit, "landing.html", resources=resources)
