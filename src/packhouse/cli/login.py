"""Who is asking: sign in once, and the commands know it."""

import socket
from typing import Annotated

import msgspec
from msgspec import Meta

from packhouse.cli.ask import line, secret
from packhouse.cli.client import Api
from packhouse.cli.command import Options, connect, with_api, with_options
from packhouse.cli.login_file import Login, forget, keep, stored
from packhouse.cli.show import say, show


class LoginOptions(Options, frozen=True):
    url: Annotated[
        str | None, Meta(description="Where Packhouse's management API is.", extra={"envvar": "PACKHOUSE_URL"})
    ] = None
    email: Annotated[str | None, Meta(description="Your e-mail address; asked for if left out.")] = None
    token: Annotated[str | None, Meta(description="A personal access token to store instead of signing in.")] = None


class Me(msgspec.Struct):
    id: str
    email: str
    name: str
    role: str
    company_id: str | None


class _Session(msgspec.Struct):
    token: str


class _Token(msgspec.Struct):
    id: str
    token: str


@with_options
def login(*, options: LoginOptions) -> None:
    """Sign in, and store a personal access token that the other commands use.

    The password is asked for; from a pipe it is read as one line.
    """
    api = connect(options.url, options.token or "")
    made = _Token(id="", token=options.token) if options.token else _sign_in(api, options.email)
    api.token = made.token
    me = api.one("GET", "/me", kind=Me).value
    place = keep(Login(api.url, made.token, made.id))
    print(f"Signed in at {api.url} as {me.email} ({me.role}). The token is in {place}.")


def logout() -> None:
    """Revoke the stored token and forget it."""
    login = stored()
    if login is None:
        say("Nobody is signed in.")
        return
    if login.token_id:
        Api(login.url, login.token).send("DELETE", f"/tokens/{login.token_id}")
    forget()
    print(f"Signed out at {login.url}.")


@with_api
def whoami(api: Api) -> None:
    """Say who you are to the API."""
    show(api, api.one("GET", "/me", kind=Me))


def _sign_in(api: Api, email: str | None) -> _Token:
    """A session only for as long as it takes to make a token."""
    email = email or line("E-mail: ").strip()
    body = {"email": email, "password": secret("Password")}
    api.token = api.one("POST", "/sessions", kind=_Session, body=body).value.token
    description = f"packhouse login on {socket.gethostname()}"
    made = api.one("POST", "/tokens", kind=_Token, body={"description": description}).value
    api.send("DELETE", "/sessions/current")
    return made
