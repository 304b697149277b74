"""The door of the room: nobody gets past it without a credential, unless the route says that it is open."""

from collections.abc import Callable
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from packhouse.domain.errors import Refused
from packhouse.services.sign_in import SignIn

OPEN = "open"
"""The mark, in a handler's `opt`, of a route that needs no actor."""


def door(sign_in: SignIn) -> Callable[[ASGIApp], ASGIApp]:
    """A middleware that puts the `Actor` into the scope's `user` and the credential into `auth`.

    Refused: not_signed_in. (A function, because the framework copies what it is given, to the bottom.)
    """

    def guarded(app: ASGIApp) -> ASGIApp:
        async def enter(scope: Scope, receive: Receive, send: Send) -> None:
            if not scope["route_handler"].opt.get(OPEN):
                credential = _bearer(cast("HTTPScope", scope))
                scope["user"] = await sign_in.actor(credential)
                scope["auth"] = credential
            await app(scope, receive, send)

        return enter

    return guarded


def _bearer(scope: HTTPScope) -> str:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, credential = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Refused("not_signed_in", "Send a personal access token or a session token: Authorization: Bearer php_…")
    return credential.strip()
