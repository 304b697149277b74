"""The headers that every response of the portal carries."""

from collections.abc import Mapping

from packhouse.entrypoints.portal.site import Site

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    # Nothing for other sites. With `no-referrer` browsers would hide a form's origin from the portal itself as well,
    # and the check of where a form came from would be blind.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
TLS_ONLY: Mapping[str, str] = {"strict-transport-security": "max-age=31536000"}


def headers(site: Site, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """`more` goes over those that all carry."""
    return {**HEADERS, **(TLS_ONLY if site.https else {}), **(more or {})}
