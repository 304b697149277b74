"""A resource's keys: listed, created and shown once, opened further, shut, revoked."""

from datetime import UTC, date, datetime, timedelta

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.key import connection_string
from packhouse.domain.units import KeyId, ResourceId
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.resource import Frame, frame
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.services.key import KeyView, MintedKey
from packhouse.services.resource_view import ResourceView

KEYS = "/resources/{resource_id:str}/keys"
KEY = KEYS + "/{key_id:str}"


@get(KEYS)
async def key_list(visit: Visiting, resource_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="keys")
    keys = await visit.control.keys.list(visit.actor, framed.view.resource.id)
    living = [one for one in keys if one.state == "active"]
    ended = [one for one in keys if one.state != "active"]
    return page(visit, "resource/keys.html", frame=framed, living=living, ended=ended)


@get(KEYS + "/new")
async def new_key(visit: Visiting, resource_id: Part) -> Response[str]:
    return await _new_key_page(visit, resource_id, form=EMPTY)


@post(KEYS + "/new")
async def create_key(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    """The answer itself shows the key: kept anywhere for a page after it, it would not be shown only once."""
    form = await read_form(request)
    try:
        minted = await visit.control.keys.create(
            visit.actor,
            ResourceId(resource_id),
            description=form["description"],
            expires_at=_expiry(form["expires_on"], visit.now),
            open_to=[ResourceId(one) for one in form.all("open_to")],
        )
    except Refused as refused:
        return await _new_key_page(visit, resource_id, form=form, refused=refused)
    return await _created_page(visit, resource_id, minted=minted)


@get(KEY)
async def one_key(*, visit: Visiting, resource_id: Part, key_id: Part) -> Response[str]:
    return await _key_page(visit, resource_id, key_id=key_id)


@post(KEY + "/open")
async def open_key(*, visit: Visiting, request: Asked, resource_id: Part, key_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        await visit.control.keys.open(visit.actor, KeyId(key_id), resource_id=ResourceId(form["resource"]))
    except Refused as refused:
        return await _key_page(visit, resource_id, key_id=key_id, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/keys/{key_id}?done=key-opened")


@post(KEY + "/shut")
async def shut_key(*, visit: Visiting, request: Asked, resource_id: Part, key_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        await visit.control.keys.shut(visit.actor, KeyId(key_id), resource_id=ResourceId(form["resource"]))
    except Refused as refused:
        return await _key_page(visit, resource_id, key_id=key_id, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/keys?done=key-shut")


@get(KEY + "/revoke")
async def ask_to_revoke(*, visit: Visiting, resource_id: Part, key_id: Part) -> Response[str]:
    framed = await frame(visit, resource_id, tab="keys")
    return page(visit, "resource/key_revoke.html", frame=framed, one=await _one(visit, framed, key_id=key_id))


@post(KEY + "/revoke")
async def revoke_key(*, visit: Visiting, resource_id: Part, key_id: Part) -> Response[str]:
    try:
        await visit.control.keys.revoke(visit.actor, KeyId(key_id))
    except Refused as refused:
        return await _key_page(visit, resource_id, key_id=key_id, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/keys?done=key-revoked")


async def _new_key_page(visit: Visit, resource_id: str, *, form: Form, refused: Refused | None = None) -> Response[str]:
    framed = await frame(visit, resource_id, tab="keys")
    further = await _further(visit, framed, opened={framed.view.resource.id})
    return page(
        visit,
        "resource/key_new.html",
        refused=refused,
        frame=framed,
        form=form,
        further=further,
        chosen=form.all("open_to"),
        tomorrow=visit.now.date() + timedelta(days=1),
    )


async def _created_page(visit: Visit, resource_id: str, *, minted: MintedKey) -> Response[str]:
    framed = await frame(visit, resource_id, tab="keys")
    text = minted.text.text
    return page(
        visit,
        "resource/key_created.html",
        frame=framed,
        one=minted.view,
        text=text,
        connection=connection_string(text, visit.site.gateway_url),
    )


async def _key_page(visit: Visit, resource_id: str, *, key_id: str, refused: Refused | None = None) -> Response[str]:
    framed = await frame(visit, resource_id, tab="keys")
    one = await _one(visit, framed, key_id=key_id)
    opened = {opening.resource_id for opening in one.openings if not opening.derived}
    further = await _further(visit, framed, opened=opened)
    return page(visit, "resource/key.html", refused=refused, frame=framed, one=one, further=further)


async def _one(visit: Visit, framed: Frame, *, key_id: str) -> KeyView:
    """Refused(not_found) where the key does not open this resource."""
    for one in await visit.control.keys.list(visit.actor, framed.view.resource.id):
        if one.key.id == key_id:
            return one
    raise Refused("not_found", "This resource has no such key.")


async def _further(visit: Visit, framed: Frame, *, opened: set[ResourceId]) -> list[ResourceView]:
    """What a key of this resource could be opened to by the visitor: the same company's, of the own teams."""
    return [
        one
        for one in await visit.control.resources.list(visit.actor)
        if one.resource.company_id == framed.view.resource.company_id
        and one.resource.id not in opened
        and one.status.state == "active"
    ]


def _expiry(typed: str, now: datetime) -> datetime | None:
    """The end of the day that was chosen. Refused(invalid_request) where it is no day to come."""
    if not typed:
        return None
    try:
        chosen = date.fromisoformat(typed)
    except ValueError as error:
        raise Refused("invalid_request", "That is not a date, such as 2027-01-31.", field="expires_on") from error
    if chosen <= now.date():
        raise Refused("invalid_request", "The last day of a key lies ahead of today.", field="expires_on")
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC) + timedelta(days=1)
