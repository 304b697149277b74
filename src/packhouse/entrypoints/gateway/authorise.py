"""Who is asking: the key of a request, and what it opens."""

import re

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Request
from packhouse.ports.meter import Access, Meter

CONNECTOR_HEADER = "x-packhouse-connector"


async def authorise(request: Request, meter: Meter) -> Access:
    """The key in `Authorization: Bearer`, `x-api-key` or `api-key`; a connection string does as well.

    Refused: key_missing, key_malformed, key_unknown, key_revoked, key_expired.
    """
    headers = request.headers
    presented = headers.get("authorization", "")
    if presented[:7].lower() == "bearer ":
        presented = presented[7:].strip()
    else:
        presented = headers.get("x-api-key") or headers.get("api-key") or presented
    if not presented:
        raise Refused(
            "key_missing",
            "The request carries no key. Send `Authorization: Bearer <key>` with a key from the portal.",
        )
    return await meter.access(presented)


class ConnectorGate:
    """Turns away connectors that are older than the operator allows."""

    def __init__(self, oldest: str) -> None:
        self._oldest_text = oldest
        self._oldest = _version(oldest)

    def check(self, request: Request) -> None:
        """Refused(connector_outdated) names the version to install."""
        named = request.headers.get(CONNECTOR_HEADER)
        if named is None or not self._oldest:
            return
        version = _version(named)
        if version and version < self._oldest:
            raise Refused(
                "connector_outdated",
                f"This connector ({named}) is older than {self._oldest_text}, the oldest that works here. "
                f"Install packhouse-connector {self._oldest_text} or newer.",
                oldest=self._oldest_text,
            )


def _version(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()
