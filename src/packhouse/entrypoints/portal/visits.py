"""Who is looking: from the session's cookie to a visit, and where to send those who have none."""

from urllib.parse import quote

from packhouse.entrypoints.portal.cookies import session_token
from packhouse.entrypoints.portal.forms import csrf_token
from packhouse.entrypoints.portal.site import Asked, Site, Visit

SIGN_IN = "/sign-in"
HOME = "/"


async def visit_of(request: Asked, site: Site) -> Visit:
    """Refused(not_signed_in) without a session that counts."""
    token = session_token(request, site)
    _, user = await site.control.sign_in.session(token)
    return Visit(
        site,
        user,
        csrf=csrf_token(token),
        now=site.clock.now(),
        path=request.url.path,
        done=request.query_params.get("done", ""),
    )


def sign_in_path(request: Asked) -> str:
    """The sign-in page, which leads back to the page that was asked for."""
    if request.method != "GET" or request.url.path == HOME:
        return SIGN_IN
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{SIGN_IN}?next={quote(asked, safe='/')}"


def local_path(wanted: str) -> str:
    """`wanted` where it is a path of this site and nothing else, else the home page.

    Browsers read a backslash as a slash and drop tabs and line ends, so paths with any of them are not trusted.
    """
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else HOME
