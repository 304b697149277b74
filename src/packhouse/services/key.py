"""Keys: created and shown once, listed, opened to further resources, shut, revoked."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.key import PUBLIC_ID_CHARACTERS, SECRET_CHARACTERS, Key, Opening, openings, parse_key, write_key
from packhouse.domain.resource import Resource, require
from packhouse.domain.units import KeyId, ResourceId
from packhouse.domain.user import Actor, Secret
from packhouse.services.access import is_member, not_found, resource_seen
from packhouse.services.context import Act, Context

KeyState = Literal["active", "expired", "revoked"]


class KeyView(msgspec.Struct, frozen=True):
    """`openings` are all resources that it opens, the home first. `created_by` is the maker's e-mail.

    Seen from a resource: `at_home` where the key was made on it, `derived` where it opens it only through a
    knowledge base.
    """

    key: Key
    openings: tuple[Opening, ...]
    created_by: str
    state: KeyState
    at_home: bool
    derived: bool


class MintedKey(msgspec.Struct, frozen=True):
    """`text` (`phk_…`) is shown this once; `domain.key.connection_string(text, url)` makes the rest of it."""

    view: KeyView
    text: Secret


class Keys:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self,
        actor: Actor,
        resource_id: ResourceId,
        *,
        description: str = "",
        expires_at: datetime | None = None,
        open_to: Sequence[ResourceId] = (),
    ) -> MintedKey:
        """For members of the team of each resource. Refused: not_found, forbidden, invalid_request,
        resource_inactive, conflict (a second text or embeddings resource)."""
        if expires_at is not None and expires_at <= self._context.clock.now():
            raise Refused("invalid_request", "The expiry lies in the past.", field="expires_at")
        text = write_key(self._context.ids.secret(PUBLIC_ID_CHARACTERS), self._context.ids.secret(SECRET_CHARACTERS))
        parsed = parse_key(text)
        async with self._context.writing(actor) as act:
            home = await self._own(act, resource_id)
            key = Key(
                id=KeyId(self._context.ids.new("key")),
                public_id=parsed.public_id,
                home_resource_id=home.id,
                company_id=home.company_id,
                created_by=actor.user_id,
                created_at=act.now,
                description=checked_name(description, "description") if description.strip() else "",
                expires_at=expires_at.astimezone(UTC) if expires_at else None,
            )
            await act.work.keys.add(key, parsed.secret_hash)
            await act.work.keys.open(key.id, home.id, at=act.now)
            await _log(act, key, verb="key.created", resource_id=home.id)
            for other_id in dict.fromkeys(open_to):
                if other_id != home.id:
                    await self._open(act, key, resource_id=other_id)
            return MintedKey(await self._view(act, key, seen_from=home.id), Secret(text))

    async def list(self, actor: Actor, resource_id: ResourceId) -> list[KeyView]:
        """Every key that opens the resource, newest first, revoked ones included. Refused: not_found."""
        async with self._context.reading(actor) as act:
            await resource_seen(act, resource_id)
            keys = await act.work.keys.opening(resource_id)
            return [await self._view(act, key, seen_from=resource_id) for key in keys]

    async def open(self, actor: Actor, key_id: KeyId, *, resource_id: ResourceId) -> KeyView:
        """Open a key to a further resource of the same company; the actor must be in the team of its home and of
        that resource. Refused: not_found, forbidden, conflict, resource_inactive."""
        async with self._context.writing(actor) as act:
            key = await _seen(act, key_id)
            if not await is_member(act, key.home_resource_id):
                raise Refused("forbidden", "Only members of the team of the key's home may open it further.")
            if self._state(key) != "active":
                raise Refused("conflict", f"The key is {self._state(key)}; make another one.")
            await self._open(act, key, resource_id=resource_id)
            return await self._view(act, key, seen_from=resource_id)

    async def shut(self, actor: Actor, key_id: KeyId, *, resource_id: ResourceId) -> KeyView:
        """Shut a resource to a key, by a member of that resource's team or a company admin.

        Refused: not_found, conflict (the home: revoke instead).
        """
        async with self._context.writing(actor) as act:
            resource = await resource_seen(act, resource_id)
            key = await act.work.keys.get(key_id)
            view = await self._view(act, key, seen_from=resource_id) if key is not None else None
            if key is None or view is None or not any(one.resource_id == resource_id for one in view.openings):
                raise not_found("key", key_id)
            if view.at_home:
                raise Refused("conflict", "The key was made on this resource: revoke it instead.")
            if view.derived:
                raise Refused(
                    "conflict",
                    "The key opens this pack only through a knowledge base that embeds with it."
                    " Shut that knowledge base to the key instead.",
                )
            await act.work.keys.shut(key_id, resource_id)
            await _log(act, key, verb="key.shut", resource_id=resource.id)
            return await self._view(act, key, seen_from=resource_id)

    async def revoke(self, actor: Actor, key_id: KeyId) -> KeyView:
        """By members of its home and company admins; twice is fine. Refused: not_found, forbidden."""
        async with self._context.writing(actor) as act:
            key = await _seen(act, key_id)
            home = await act.work.resources.get(key.home_resource_id)
            assert home is not None, "a key's home is never deleted"
            if not (actor.administers(home.company_id) or await is_member(act, home.id)):
                raise Refused(
                    "forbidden", "Only members of the team of the key's home may revoke it. Shut your resource to it."
                )
            if key.revoked_at is None:
                key = msgspec.structs.replace(key, revoked_at=act.now)
                await act.work.keys.replace(key)
                await _log(act, key, verb="key.revoked", resource_id=home.id)
            return await self._view(act, key, seen_from=home.id)

    async def _own(self, act: Act, resource_id: ResourceId) -> Resource:
        """A usable resource whose team the actor is in. Refused: not_found, forbidden, resource_inactive."""
        resource = await resource_seen(act, resource_id)
        if not await is_member(act, resource_id):
            raise Refused("forbidden", "Only members of the resource's team make and open keys. Join the team first.")
        require(resource, "use", now=act.now)
        return resource

    async def _open(self, act: Act, key: Key, *, resource_id: ResourceId) -> None:
        resource = await self._own(act, resource_id)
        if resource.company_id != key.company_id:
            raise not_found("resource", resource_id)
        given = [opening for opening, _ in await act.work.keys.openings(key.id)]
        if all(opening.resource_id != resource_id for opening in given):
            openings([*given, Opening(resource_id, resource.type)], ())
            await act.work.keys.open(key.id, resource_id, at=act.now)
            await _log(act, key, verb="key.opened", resource_id=resource_id)

    async def _view(self, act: Act, key: Key, *, seen_from: ResourceId) -> KeyView:
        found = await act.work.keys.openings(key.id)
        opened = openings([opening for opening, _ in found], [link for _, link in found if link is not None])
        maker = await act.work.users.get(key.created_by)
        return KeyView(
            key=key,
            openings=opened,
            created_by=maker.email if maker else key.created_by,
            state=self._state(key),
            at_home=key.home_resource_id == seen_from,
            derived=any(one.resource_id == seen_from and one.derived for one in opened),
        )

    def _state(self, key: Key) -> KeyState:
        if key.revoked_at is not None:
            return "revoked"
        is_over = key.expires_at is not None and key.expires_at <= self._context.clock.now()
        return "expired" if is_over else "active"


async def _seen(act: Act, key_id: KeyId) -> Key:
    """A key that opens a resource which the actor sees. Refused(not_found)."""
    key = await act.work.keys.get(key_id)
    if key is not None:
        if act.actor.administers(key.company_id):
            return key
        for opening, link in await act.work.keys.openings(key_id):
            for resource_id in filter(None, (opening.resource_id, link)):
                if await is_member(act, resource_id):
                    return key
    raise not_found("key", key_id)


async def _log(act: Act, key: Key, *, verb: str, resource_id: ResourceId) -> None:
    await act.log(Deed(company_id=key.company_id, verb=verb, subject_id=key.id, resource_id=resource_id))
