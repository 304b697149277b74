"""Keys: created and shown once, listed, opened to further resources, shut, revoked."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from packhouse.domain.key import Key, Opening
from packhouse.domain.units import KeyId, ResourceId
from packhouse.domain.user import Actor, Secret
from packhouse.services.context import Context


class KeyView(msgspec.Struct, frozen=True):
    """`openings` are all resources that it opens, the home first. `created_by` is the maker's e-mail.

    Seen from a resource: `at_home` where the key was made on it, `derived` where it opens it only through a
    knowledge base. `state` is `active`, `expired` or `revoked`.
    """

    key: Key
    openings: tuple[Opening, ...]
    created_by: str
    state: str
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
        raise NotImplementedError

    async def list(self, actor: Actor, resource_id: ResourceId) -> list[KeyView]:
        """Every key that opens the resource, newest first, revoked ones included. Refused: not_found."""
        raise NotImplementedError

    async def open(self, actor: Actor, key_id: KeyId, resource_id: ResourceId) -> KeyView:
        """Open a key to a further resource of the same company; the actor must be in the team of its home and of
        that resource. Refused: not_found, forbidden, conflict, resource_inactive."""
        raise NotImplementedError

    async def shut(self, actor: Actor, key_id: KeyId, resource_id: ResourceId) -> KeyView:
        """Shut a resource to a key, by a member of that resource's team or a company admin.

        Refused: not_found, conflict (the home: revoke instead).
        """
        raise NotImplementedError

    async def revoke(self, actor: Actor, key_id: KeyId) -> KeyView:
        """By members of its home and company admins; twice is fine. Refused: not_found, forbidden."""
        raise NotImplementedError
