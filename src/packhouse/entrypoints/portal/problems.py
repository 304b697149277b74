"""What went wrong, as a page: refusals, unknown addresses, and what broke."""

import traceback
from collections.abc import Mapping

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal.pages import go, render, status_of
from packhouse.entrypoints.portal.site import Asked, Site
from packhouse.entrypoints.portal.visits import sign_in_path

_log: structlog.stdlib.BoundLogger = structlog.get_logger("packhouse.portal")

TITLES: Mapping[int, str] = {
    403: "Not allowed",
    404: "Nothing here",
    405: "That cannot be done here",
    409: "Not just now",
    413: "Too much at once",
    422: "That did not work",
    429: "A moment, please",
    500: "Something broke",
    503: "Not ready yet",
}
_FRAMES = 6


class Problems:
    """The exception handlers of the portal."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __deepcopy__(self, memo: object) -> "Problems":
        """The framework copies a router to the bottom, exception handlers included; the services must not be."""
        return self

    def refused(self, request: Asked, error: Refused) -> Response[str]:
        """Whoever is not signed in is led there, and back afterwards."""
        if error.code == "not_signed_in":
            return go(self._site, sign_in_path(request))
        return self._page(status_of(error), error.message)

    def http(self, request: Asked, error: HTTPException) -> Response[str]:
        """What the framework turns down: unknown addresses, methods, and parameters that make no sense."""
        if error.status_code in (400, 404):
            return self._page(404, "There is no such page. The address may be cut off, or the thing is gone.")
        if error.status_code == 405:
            return self._page(405, "This address takes no such request. Go back and try again from a page.")
        if error.status_code == 413:
            return self._page(413, "The form is larger than the portal takes.")
        return self.broken(request, error)

    def broken(self, request: Asked, error: Exception) -> Response[str]:
        """The last handler. The log gets the kind and the place of what broke, never a value."""
        request_id = self._site.ids.new("req")
        frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("request_broken", request_id=request_id, error=type(error).__name__, at=frames[-_FRAMES:])
        return self._page(500, f"It was not you. Tell the operator this number; the log has it: {request_id}")

    def _page(self, status: int, message: str) -> Response[str]:
        title = TITLES.get(status, TITLES[500])
        response = render(self._site, "problem.html", code=status, title=title, message=message)
        response.status_code = status
        return response
