"""Forms: read once, and only those that a page of this portal sent."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal.site import Asked, Site

FIELD = "csrf"
ANONYMOUS: Mapping[str, bool] = {"anonymous": True}
"""The `opt` of a handler whose form is sent before there is a session, so that the visitor's cookie binds it."""
FIELDS_MAX = 200
BODY_BYTES_MAX = 64 * 1024
_FORM = "application/x-www-form-urlencoded"
_OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, in the order of the page; a name may come more than once."""

    pairs: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> str:
        """The first value without blanks around it, empty where there is none."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """The first value as it was typed: passwords keep their blanks."""
        return next((value for key, value in self.pairs if key == name), "")

    def typed(self, name: str) -> str | None:
        """None where the form has no such field."""
        return next((value.strip() for key, value in self.pairs if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.pairs if key == name)

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self.pairs)


EMPTY = Form()


async def read_form(request: Asked) -> Form:
    """Refused(invalid_request) where the body is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if not body:
        return EMPTY
    try:
        if kind != _FORM:
            raise ValueError(kind)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise Refused("invalid_request", "That is not a form of this portal.") from error
    return Form(tuple(pairs))


def csrf_token(secret: str) -> str:
    """Bound to the session (or, before there is one, to the visitor's cookie): worthless with any other."""
    return hmac.new(secret.encode(), b"packhouse portal form", hashlib.sha256).hexdigest()


async def check_form(request: Asked, site: Site, *, secret: str) -> None:
    """What changes anything comes from a page of ours, and of this session: `secret` is the cookie of either.

    Refused(csrf_failed).
    """
    _check_origin(request, site)
    if not secret:
        raise Refused("csrf_failed", "The browser sent no cookie. Let it keep this site's cookies, and try again.")
    given = (await read_form(request)).raw(FIELD)
    if not hmac.compare_digest(given.encode(), csrf_token(secret).encode()):
        raise Refused("csrf_failed", "The page was too old to be sent. Go back, load it again, and try once more.")


def _check_origin(request: Asked, site: Site) -> None:
    fetch_site = request.headers.get("sec-fetch-site")
    if fetch_site is not None and fetch_site not in _OWN_SITE:
        raise _foreign()
    origin = request.headers.get("origin")
    if origin is not None and origin != site.origin and origin.partition("://")[2] != request.headers.get("host"):
        raise _foreign()


def _foreign() -> Refused:
    return Refused("csrf_failed", "The form was sent from another site. Open the portal and try again there.")
