"""The portal's two cookies: the session, and before it the visitor, to whom the sign-in form is bound."""

from datetime import datetime

from litestar.datastructures import Cookie

from packhouse.entrypoints.portal.site import Asked, Site

SESSION = "packhouse_session"
VISITOR = "packhouse_visitor"
VISITOR_CHARACTERS = 32


def session_token(request: Asked, site: Site) -> str:
    """Empty where the browser sent none."""
    return request.cookies.get(_name(SESSION, site), "")


def visitor_token(request: Asked, site: Site) -> str:
    return request.cookies.get(_name(VISITOR, site), "")


def new_session(site: Site, token: str, *, expires_at: datetime, now: datetime) -> Cookie:
    return _cookie(site, SESSION, value=token, max_age=max(0, int((expires_at - now).total_seconds())))


def no_session(site: Site) -> Cookie:
    """Takes the session out of the browser."""
    return _cookie(site, SESSION, value="", max_age=0)


def new_visitor(site: Site, token: str) -> Cookie:
    return _cookie(site, VISITOR, value=token, max_age=None)


def _cookie(site: Site, name: str, *, value: str, max_age: int | None) -> Cookie:
    return Cookie(
        key=_name(name, site),
        value=value,
        path="/",
        max_age=max_age,
        secure=site.https,
        httponly=True,
        samesite="lax",
    )


def _name(name: str, site: Site) -> str:
    """With TLS under the name that browsers let nobody but this very host set."""
    return f"__Host-{name}" if site.https else name
