"""Keys: created and shown once, listed, opened to further resources, shut, revoked."""

from typing import Annotated, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from packhouse.domain.key import connection_string
from packhouse.domain.units import KeyId, ResourceId, ResourceType
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, GatewayUrl, Instant, Services, utc
from packhouse.services.key import KeyView

OPENINGS_MAX = 100


class CreateKey(Body, frozen=True):
    """`open_to` are further resources of the company whose team the caller is in."""

    description: str = ""
    expires_at: Instant | None = None
    open_to: Annotated[tuple[str, ...], Meta(max_length=OPENINGS_MAX)] = ()


class Opening(Answer, frozen=True):
    """`derived`: only because a knowledge base of the key embeds with it."""

    resource_id: str
    type: ResourceType
    derived: bool


class KeyFacts(Answer, frozen=True):
    id: str
    prefix: str
    description: str
    home_resource_id: str
    company_id: str
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class Key(KeyFacts, frozen=True):
    """`created_by` is an e-mail. Seen from a resource: `at_home` where the key was made on it, `derived` where it
    opens it only through a knowledge base."""

    created_by: str
    state: Literal["active", "expired", "revoked"]
    at_home: bool
    derived: bool
    openings: list[Opening]


class CreatedKey(Key, frozen=True):
    """`key` (`phk_…`) and the `connection_string` made of it are shown this once."""

    key: str
    connection_string: str


class Keys(Answer, frozen=True):
    keys: list[Key]


@post(
    "/resources/{resource_id:str}/keys",
    summary="Make a key; it is shown this once",
    opt=refuses("not_found", "forbidden", "resource_inactive", "conflict"),
)
async def create_key(
    *, control: Services, gateway_url: GatewayUrl, actor: Caller, resource_id: FromPath[str], data: JSONBody[CreateKey]
) -> CreatedKey:
    minted = await control.keys.create(
        actor,
        ResourceId(resource_id),
        description=data.description,
        expires_at=utc(data.expires_at),
        open_to=[ResourceId(one) for one in data.open_to],
    )
    text = minted.text.text
    return CreatedKey(key=text, connection_string=connection_string(text, gateway_url), **_key(minted.view).fields())


@get("/resources/{resource_id:str}/keys", summary="List every key that opens a resource", opt=refuses("not_found"))
async def list_keys(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Keys:
    return Keys(keys=[_key(view) for view in await control.keys.list(actor, ResourceId(resource_id))])


@put(
    "/keys/{key_id:str}/openings/{resource_id:str}",
    summary="Open a key to a further resource",
    opt=refuses("not_found", "forbidden", "conflict", "resource_inactive"),
)
async def open_key(*, control: Services, actor: Caller, key_id: FromPath[str], resource_id: FromPath[str]) -> Key:
    return _key(await control.keys.open(actor, KeyId(key_id), resource_id=ResourceId(resource_id)))


@delete(
    "/keys/{key_id:str}/openings/{resource_id:str}",
    status_code=200,
    summary="Shut a resource to a key",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def shut_key(*, control: Services, actor: Caller, key_id: FromPath[str], resource_id: FromPath[str]) -> Key:
    return _key(await control.keys.shut(actor, KeyId(key_id), resource_id=ResourceId(resource_id)))


@delete("/keys/{key_id:str}", status_code=200, summary="Revoke a key", opt=refuses("not_found", "forbidden"))
async def revoke_key(*, control: Services, actor: Caller, key_id: FromPath[str]) -> Key:
    return _key(await control.keys.revoke(actor, KeyId(key_id)))


def _key(view: KeyView) -> Key:
    return Key(
        created_by=view.created_by,
        state=msgspec.convert(view.state, Literal["active", "expired", "revoked"]),
        at_home=view.at_home,
        derived=view.derived,
        openings=[Opening.of(one) for one in view.openings],
        **KeyFacts.of(view.key).fields(),
    )


ROUTES = (create_key, list_keys, open_key, shut_key, revoke_key)
