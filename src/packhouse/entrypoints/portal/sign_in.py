"""Signing in and out, and setting a password with a one-time link."""

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal import cookies
from packhouse.entrypoints.portal.forms import ANONYMOUS, csrf_token, read_form
from packhouse.entrypoints.portal.pages import go, render
from packhouse.entrypoints.portal.site import Asked, Here, Part, Site
from packhouse.entrypoints.portal.visits import SIGN_IN, local_path
from packhouse.services.sign_in import SignedIn


@get(SIGN_IN)
async def sign_in_page(request: Asked, site: Here) -> Response[str]:
    query = request.query_params
    wanted, done = local_path(query.get("next", "")), query.get("done", "")
    return _form(request, site, template="sign_in.html", next=wanted, done=done, email="")


@post(SIGN_IN, opt=ANONYMOUS)
async def sign_in(request: Asked, site: Here) -> Response[str]:
    form = await read_form(request)
    wanted = local_path(form["next"])
    try:
        signed = await site.control.sign_in.sign_in(form["email"], form.raw("password"))
    except Refused as refused:
        return _form(request, site, template="sign_in.html", refused=refused, next=wanted, done="", email=form["email"])
    return _signed_in(site, signed, wanted=wanted)


@post("/sign-out")
async def sign_out(request: Asked, site: Here) -> Response[str]:
    await site.control.sign_in.sign_out(cookies.session_token(request, site))
    return go(site, f"{SIGN_IN}?done=signed-out", cookies=(cookies.no_session(site),))


@get("/link/{token:str}")
async def link_page(*, request: Asked, site: Here, token: Part) -> Response[str]:
    """Looking does not use the link up: mail scanners look at links too."""
    return _form(request, site, template="link.html", token=token)


@post("/link/{token:str}", opt=ANONYMOUS)
async def redeem_link(*, request: Asked, site: Here, token: Part) -> Response[str]:
    form = await read_form(request)
    try:
        if form.raw("password") != form.raw("again"):
            raise Refused("invalid_request", "The two passwords are not the same.", field="again")
        user = await site.control.users.redeem_link(token, form.raw("password"))
        signed = await site.control.sign_in.sign_in(user.email, form.raw("password"))
    except Refused as refused:
        return _form(request, site, template="link.html", refused=refused, token=token)
    return _signed_in(site, signed, wanted="/?done=password-set")


def _signed_in(site: Site, signed: SignedIn, *, wanted: str) -> Response[str]:
    now = site.clock.now()
    cookie = cookies.new_session(site, signed.token.text, expires_at=signed.session.expires_at, now=now)
    return go(site, wanted, cookies=(cookie,))


def _form(
    request: Asked, site: Site, *, template: str, refused: Refused | None = None, **values: object
) -> Response[str]:
    """A form before there is a session. A visitor without a cookie gets one, which binds the form."""
    token = cookies.visitor_token(request, site)
    fresh = not token
    if fresh:
        token = site.ids.secret(cookies.VISITOR_CHARACTERS)
    response = render(site, template, refused=refused, csrf=csrf_token(token), **values)
    if fresh:
        response.set_cookie(cookies.new_visitor(site, token))
    return response
