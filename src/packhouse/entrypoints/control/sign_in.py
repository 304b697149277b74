"""Sign-in: sessions by password, personal access tokens for programs."""

from typing import Any

from litestar import Request, delete, get, post
from litestar.params import FromPath, JSONBody

from packhouse.domain.errors import Refused
from packhouse.entrypoints.control.door import OPEN
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.user import User
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services, utc

PERSONAL_TOKEN = "php_"


class SignIn(Body, frozen=True):
    email: str
    password: str


class Session(Answer, frozen=True):
    """`token` goes into the Authorization header, until `expires_at`."""

    token: str
    expires_at: Instant
    user: User


class CreateToken(Body, frozen=True):
    description: str = ""
    expires_at: Instant | None = None


class Token(Answer, frozen=True):
    id: str
    prefix: str
    description: str
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class CreatedToken(Token, frozen=True):
    """`token` (`php_…`) is shown this once."""

    token: str


class Tokens(Answer, frozen=True):
    tokens: list[Token]


@post(
    "/sessions",
    summary="Sign in with e-mail and password",
    opt={OPEN: True} | refuses("sign_in_failed", "sign_in_throttled"),
)
async def sign_in(*, control: Services, data: JSONBody[SignIn]) -> Session:
    signed_in = await control.sign_in.sign_in(data.email, data.password)
    user = User.of(signed_in.user)
    return Session(token=signed_in.token.text, expires_at=signed_in.session.expires_at, user=user)


@delete("/sessions/current", summary="Sign out: end the session that the request carries", opt=refuses("conflict"))
async def sign_out(*, control: Services, request: Request[Any, str, Any]) -> None:
    if request.auth.startswith(PERSONAL_TOKEN):
        raise Refused("conflict", "The request carries a personal access token, not a session; revoke it instead.")
    await control.sign_in.sign_out(request.auth)


@post("/tokens", summary="Make a personal access token for oneself; it is shown this once")
async def create_token(*, control: Services, actor: Caller, data: JSONBody[CreateToken]) -> CreatedToken:
    minted = await control.sign_in.create_token(actor, data.description, expires_at=utc(data.expires_at))
    return CreatedToken(token=minted.text.text, **Token.of(minted.token).fields())


@get("/tokens", summary="List one's own personal access tokens, newest first")
async def list_tokens(*, control: Services, actor: Caller) -> Tokens:
    return Tokens(tokens=[Token.of(one) for one in await control.sign_in.tokens(actor)])


@delete("/tokens/{token_id:str}", status_code=200, summary="Revoke one of one's own tokens", opt=refuses("not_found"))
async def revoke_token(*, control: Services, actor: Caller, token_id: FromPath[str]) -> Token:
    return Token.of(await control.sign_in.revoke_token(actor, token_id))


ROUTES = (sign_in, sign_out, create_token, list_tokens, revoke_token)
