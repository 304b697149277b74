"""Users: created with a password or a one-time link, given a role, disabled."""

from typing import Annotated

from litestar import get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from packhouse.domain.units import CompanyId, UserId
from packhouse.domain.user import Role, Secret
from packhouse.entrypoints.control.door import OPEN
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Asked, Body, Caller, Instant, Links, Services
from packhouse.services.user import NewUser

Password = Annotated[str, Meta(description="12 to 256 characters.")]


class CreateUser(Body, frozen=True):
    """Operators belong to no company. Without a password the answer carries a one-time link."""

    email: str
    name: str
    role: Role
    company_id: str | None = None
    password: Password | None = None


class ChangeUser(Body, frozen=True):
    role: Role


class RedeemLink(Body, frozen=True):
    token: str
    password: Password


class ChangePassword(Body, frozen=True):
    old_password: str
    new_password: Password


class UserFilter(Body, frozen=True):
    company_id: str | None = None


class User(Answer, frozen=True):
    id: str
    email: str
    name: str
    role: Role
    company_id: str | None
    created_at: Instant
    disabled_at: Instant | None
    has_password: bool


class Users(Answer, frozen=True):
    users: list[User]


class Link(Answer, frozen=True):
    """`link` opens the page where the password is set, once; `link_token` is what it carries."""

    link: str
    link_token: str


class CreatedUser(Answer, frozen=True):
    """The link is null where a password was given."""

    user: User
    link: str | None
    link_token: str | None


@post("/users", summary="Create a user", opt=refuses("forbidden", "not_found", "conflict"))
async def create_user(*, control: Services, links: Links, actor: Caller, data: JSONBody[CreateUser]) -> CreatedUser:
    new = NewUser(
        email=data.email,
        name=data.name,
        role=data.role,
        company_id=CompanyId(data.company_id) if data.company_id else None,
        password=data.password,
    )
    created = await control.users.create(actor, new)
    token = created.link_token.text if created.link_token else None
    return CreatedUser(user=User.of(created.user), link=links(token) if token else None, link_token=token)


@get(
    "/users",
    summary="List a company's users (default: the caller's own company; for operators the operators)",
    opt=refuses("not_found", "forbidden"),
)
async def list_users(*, control: Services, actor: Caller, asked: Asked[UserFilter]) -> Users:
    company = CompanyId(asked.company_id) if asked.company_id else actor.company_id
    return Users(users=[User.of(one) for one in await control.users.list(actor, company_id=company)])


@get("/users/{user_id:str}", summary="Read a user", opt=refuses("not_found"))
async def read_user(*, control: Services, actor: Caller, user_id: FromPath[str]) -> User:
    return User.of(await control.users.get(actor, UserId(user_id)))


@patch("/users/{user_id:str}", summary="Give a user another role", opt=refuses("not_found", "forbidden", "conflict"))
async def change_user(*, control: Services, actor: Caller, user_id: FromPath[str], data: JSONBody[ChangeUser]) -> User:
    return User.of(await control.users.change_role(actor, UserId(user_id), role=data.role))


@post(
    "/users/{user_id:str}/disable",
    status_code=200,
    summary="Disable a user: sessions and tokens end at once, keys stay",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def disable_user(*, control: Services, actor: Caller, user_id: FromPath[str]) -> User:
    return User.of(await control.users.disable(actor, UserId(user_id)))


@post(
    "/users/{user_id:str}/links",
    summary="Make a new one-time link for a user; older ones end",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def create_link(*, control: Services, links: Links, actor: Caller, user_id: FromPath[str]) -> Link:
    token: Secret = await control.users.new_link(actor, UserId(user_id))
    return Link(link=links(token.text), link_token=token.text)


@post(
    "/links/redeem",
    status_code=200,
    summary="Set the password with a one-time link",
    opt={OPEN: True} | refuses("not_found"),
)
async def redeem_link(*, control: Services, data: JSONBody[RedeemLink]) -> User:
    return User.of(await control.users.redeem_link(data.token, data.password))


@get("/me", summary="Read oneself")
async def read_me(*, control: Services, actor: Caller) -> User:
    return User.of(await control.users.get(actor, actor.user_id))


@post(
    "/me/password",
    status_code=204,
    summary="Change one's own password; other sessions end",
    opt=refuses("sign_in_failed", "sign_in_throttled"),
)
async def change_password(*, control: Services, actor: Caller, data: JSONBody[ChangePassword]) -> None:
    await control.users.change_password(actor, old=data.old_password, new=data.new_password)


ROUTES = (
    create_user,
    list_users,
    read_user,
    change_user,
    disable_user,
    create_link,
    redeem_link,
    read_me,
    change_password,
)
