"""`packhouse user`: users, their roles and their one-time links."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.ask import secret
from packhouse.cli.client import Api
from packhouse.cli.command import Options, with_api
from packhouse.cli.show import say, show, show_json

app = typer.Typer(help="Users.", no_args_is_help=True, add_completion=False)

USER = typer.Argument(..., help="Its id (usr_…).")


class User(msgspec.Struct):
    id: str
    email: str
    name: str
    role: str
    company_id: str | None
    has_password: bool
    disabled_at: datetime | None
    created_at: datetime


class NewUser(Options, frozen=True):
    role: Annotated[Literal["operator", "admin", "member"], Meta(description="What the user may do.")] = "member"
    company: Annotated[str | None, Meta(description="The user's company (default: your own).")] = None
    ask_password: Annotated[bool, Meta(description="Ask for a password instead of making a one-time link.")] = False


class _Created(msgspec.Struct):
    user: User
    link: str | None


class _Link(msgspec.Struct):
    link: str


@app.command("list")
@with_api
def list_users(api: Api, *, company: str = typer.Option(None, help="Its users (default: your own company's).")) -> None:
    """List a company's users; without a company an operator gets the operators."""
    show(api, api.many("/users", kind=User, query={"company_id": company}))


@app.command("create")
@with_api
def create_user(
    api: Api,
    *,
    email: str = typer.Argument(..., help="The e-mail address to sign in with."),
    name: str = typer.Argument(..., help="The person's name."),
    new: NewUser,
) -> None:
    """Create a user, who gets a one-time link to set a password."""
    company = None if new.role == "operator" else api.company(new.company)
    password = secret("Password", twice=True) if new.ask_password else None
    body = {"email": email, "name": name, "role": new.role, "company_id": company, "password": password}
    reply = api.one("POST", "/users", kind=_Created, body=body)
    if api.json:
        show_json(reply.raw)
        return
    print(f"{reply.value.user.email} is {reply.value.user.id}.")
    if reply.value.link:
        _hand_over(reply.value.link)


@app.command("show")
@with_api
def show_user(api: Api, *, user: str = USER) -> None:
    """Show a user."""
    show(api, api.one("GET", f"/users/{user}", kind=User))


@app.command("role")
@with_api
def change_role(
    api: Api, *, user: str = USER, role: Literal["admin", "member"] = typer.Argument(..., help="The new role.")
) -> None:
    """Give a user another role."""
    show(api, api.one("PATCH", f"/users/{user}", kind=User, body={"role": role}))


@app.command("disable")
@with_api
def disable_user(api: Api, *, user: str = USER) -> None:
    """Disable a user: sessions and tokens end at once, keys stay."""
    show(api, api.one("POST", f"/users/{user}/disable", kind=User))


@app.command("link")
@with_api
def new_link(api: Api, *, user: str = USER) -> None:
    """Make a new one-time link for a user; older ones end."""
    reply = api.one("POST", f"/users/{user}/links", kind=_Link)
    show_json(reply.raw) if api.json else _hand_over(reply.value.link)


@app.command("password")
@with_api
def change_password(api: Api) -> None:
    """Change your own password; it is asked for."""
    old = secret("Old password")
    new = secret("New password", twice=True)
    api.send("POST", "/me/password", body={"old_password": old, "new_password": new})
    say("The password is changed; your other sessions have ended.")


def _hand_over(link: str) -> None:
    say("The one-time link, where the password is set:")
    print(link)
