"""The own account: the password, and personal access tokens for the management API."""

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal import cookies
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.entrypoints.portal.visits import SIGN_IN


@get("/account")
async def account(visit: Visiting) -> Response[str]:
    return await _account_page(visit, form=EMPTY, part="")


@post("/account/password")
async def change_password(visit: Visiting, request: Asked) -> Response[str]:
    """All sessions end, this one too: who knows the new password signs in with it."""
    form = await read_form(request)
    try:
        if form.raw("new") != form.raw("again"):
            raise Refused("invalid_request", "The two passwords are not the same.", field="again")
        await visit.control.users.change_password(visit.actor, old=form.raw("old"), new=form.raw("new"))
    except Refused as refused:
        return await _account_page(visit, form=EMPTY, part="password", refused=refused)
    return go(visit.site, f"{SIGN_IN}?done=password-changed", cookies=(cookies.no_session(visit.site),))


@post("/account/tokens")
async def create_token(visit: Visiting, request: Asked) -> Response[str]:
    """The answer itself shows the token: it is shown only once."""
    form = await read_form(request)
    try:
        minted = await visit.control.sign_in.create_token(visit.actor, form["description"])
    except Refused as refused:
        return await _account_page(visit, form=form, part="token", refused=refused)
    return page(visit, "token_created.html", token=minted.token, text=minted.text.text)


@post("/account/tokens/{token_id:str}/revoke")
async def revoke_token(visit: Visiting, token_id: Part) -> Response[str]:
    await visit.control.sign_in.revoke_token(visit.actor, token_id)
    return go(visit.site, "/account?done=token-revoked")


async def _account_page(visit: Visit, *, form: Form, part: str, refused: Refused | None = None) -> Response[str]:
    tokens = await visit.control.sign_in.tokens(visit.actor)
    return page(visit, "account.html", refused=refused, tokens=tokens, form=form, part=part)
