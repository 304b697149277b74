"""People: the accounts of a company, made, given a role, let in by a link, disabled."""

from typing import cast

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, UserId
from packhouse.domain.user import Role, User
from packhouse.entrypoints.portal.company import COMPANY, company_frame
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.services.user import NewUser

PEOPLE = COMPANY + "/people"
PERSON = PEOPLE + "/{user_id:str}"
COMPANY_ROLES = ("member", "admin")


@get(PEOPLE)
async def people(visit: Visiting, company_id: Part) -> Response[str]:
    return await _people_page(visit, company_id, form=EMPTY)


@post(PEOPLE)
async def create_user(*, visit: Visiting, request: Asked, company_id: Part) -> Response[str]:
    """The answer itself shows the link: it is shown only once."""
    form = await read_form(request)
    try:
        new = NewUser(
            email=form["email"], name=form["name"], role=_role(form["role"]), company_id=CompanyId(company_id)
        )
        created = await visit.control.users.create(visit.actor, new)
    except Refused as refused:
        return await _people_page(visit, company_id, form=form, refused=refused)
    assert created.link_token is not None, "an account without a password comes with a link"
    return await _link_page(visit, company_id, user=created.user, token=created.link_token.text)


@get(PERSON)
async def person(*, visit: Visiting, company_id: Part, user_id: Part) -> Response[str]:
    return await _person_page(visit, company_id, user_id=user_id)


@post(PERSON + "/role")
async def change_role(*, visit: Visiting, request: Asked, company_id: Part, user_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        await visit.control.users.change_role(visit.actor, UserId(user_id), role=_role(form["role"]))
    except Refused as refused:
        return await _person_page(visit, company_id, user_id=user_id, refused=refused)
    return go(visit.site, f"/companies/{company_id}/people?done=role-changed")


@post(PERSON + "/link")
async def new_link(*, visit: Visiting, company_id: Part, user_id: Part) -> Response[str]:
    try:
        token = await visit.control.users.new_link(visit.actor, UserId(user_id))
    except Refused as refused:
        return await _person_page(visit, company_id, user_id=user_id, refused=refused)
    user = await visit.control.users.get(visit.actor, UserId(user_id))
    return await _link_page(visit, company_id, user=user, token=token.text)


@post(PERSON + "/disable")
async def disable_user(*, visit: Visiting, company_id: Part, user_id: Part) -> Response[str]:
    try:
        await visit.control.users.disable(visit.actor, UserId(user_id))
    except Refused as refused:
        return await _person_page(visit, company_id, user_id=user_id, refused=refused)
    return go(visit.site, f"/companies/{company_id}/people?done=user-disabled")


async def _people_page(visit: Visit, company_id: str, *, form: Form, refused: Refused | None = None) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="people")
    users = await visit.control.users.list(visit.actor, company_id=framed.company.id)
    return page(
        visit, "company/people.html", refused=refused, frame=framed, users=users, form=form, roles=COMPANY_ROLES
    )


async def _person_page(visit: Visit, company_id: str, *, user_id: str, refused: Refused | None = None) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="people")
    user = await visit.control.users.get(visit.actor, UserId(user_id))
    if user.company_id != framed.company.id:
        raise Refused("not_found", "The company has no such person.")
    return page(visit, "company/person.html", refused=refused, frame=framed, user=user, roles=COMPANY_ROLES)


async def _link_page(visit: Visit, company_id: str, *, user: User, token: str) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="people")
    link = f"{visit.site.public_url.rstrip('/')}/link/{token}"
    return page(visit, "company/link.html", frame=framed, user=user, link=link)


def _role(typed: str) -> Role:
    if typed not in COMPANY_ROLES:
        raise Refused("invalid_request", "Choose a role.", field="role")
    return cast("Role", typed)
