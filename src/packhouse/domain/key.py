"""Keys: `phk_<public id>_<secret><checksum>`, what they open, and how they are read on the hot path."""

import hashlib
from binascii import crc32
from collections.abc import Sequence
from datetime import datetime

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, KeyId, ResourceId, ResourceType, UserId

PREFIX = "phk_"
PUBLIC_ID_CHARACTERS = 12
SECRET_CHARACTERS = 32
CHECKSUM_CHARACTERS = 6
_PUBLIC_END = len(PREFIX) + PUBLIC_ID_CHARACTERS
_SECRET_START = _PUBLIC_END + 1
_SECRET_END = _SECRET_START + SECRET_CHARACTERS
KEY_CHARACTERS = _SECRET_END + CHECKSUM_CHARACTERS
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class ParsedKey(Content, frozen=True):
    """A key whose form and checksum are right; whether it exists is another question."""

    public_id: str
    secret: str

    @property
    def secret_hash(self) -> bytes:
        return secret_hash(self.secret)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret. `home_resource_id` is the resource it was made on."""

    id: KeyId
    public_id: str
    home_resource_id: ResourceId
    company_id: CompanyId
    created_by: UserId
    created_at: datetime
    description: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """What may be shown of the key."""
        return PREFIX + self.public_id


class Opening(msgspec.Struct, frozen=True):
    """A resource that a key opens. `derived`: only because a knowledge base of the key embeds with it."""

    resource_id: ResourceId
    type: ResourceType
    derived: bool = False


def write_key(public_id: str, secret: str) -> str:
    """The key's text, from 12 and 32 random base-62 characters."""
    assert len(public_id) == PUBLIC_ID_CHARACTERS
    assert len(secret) == SECRET_CHARACTERS
    body = f"{PREFIX}{public_id}_{secret}"
    return body + checksum(body)


def parse_key(text: str) -> ParsedKey:
    """Read a key or a connection string; everything from the `@` on is ignored.

    Refused(key_malformed) with a sentence that says what is wrong.
    """
    at = text.find("@")
    if at >= 0:
        text = text[:at]
    if (
        len(text) != KEY_CHARACTERS
        or not text.startswith(PREFIX)
        or text[_PUBLIC_END] != "_"
        or not text.isascii()
        or checksum(text[:_SECRET_END]) != text[_SECRET_END:]
    ):
        raise Refused("key_malformed", _what_is_wrong(text))
    return ParsedKey(text[len(PREFIX) : _PUBLIC_END], text[_SECRET_START:_SECRET_END])


def secret_hash(secret: str) -> bytes:
    """SHA-256: the secret has 190 random bits, so a slow hash would only cost, not protect."""
    return hashlib.sha256(secret.encode()).digest()


def checksum(body: str) -> str:
    """CRC-32 in six base-62 digits: catches a damaged key before any look-up."""
    rest = crc32(body.encode())
    rest, f = divmod(rest, 62)
    rest, e = divmod(rest, 62)
    rest, d = divmod(rest, 62)
    rest, c = divmod(rest, 62)
    a, b = divmod(rest, 62)
    digits = _BASE62
    return digits[a] + digits[b] + digits[c] + digits[d] + digits[e] + digits[f]


def connection_string(key: str, gateway_url: str) -> str:
    """The key with the gateway's public URL: all that a connector needs."""
    return f"{key}@{gateway_url.rstrip('/')}"


def openings(given: Sequence[Opening], linked: Sequence[ResourceId]) -> tuple[Opening, ...]:
    """All that a key opens: what its makers gave it and the embeddings packs its knowledge bases are linked to.

    Refused(conflict) for a second text or embeddings resource among those given.
    """
    for type_, word in (("text_generation", "text generation"), ("embeddings", "embeddings")):
        if sum(opening.type == type_ for opening in given) > 1:
            raise Refused(
                "conflict",
                f"A key opens at most one {word} resource, and this one opens one already. Make another key.",
                type=type_,
            )
    known = {opening.resource_id for opening in given}
    derived = dict.fromkeys(link for link in linked if link not in known)
    return (*given, *(Opening(link, "embeddings", derived=True) for link in derived))


def _what_is_wrong(text: str) -> str:
    if not text.startswith(PREFIX):
        return f"A Packhouse key begins with {PREFIX!r}; this one does not. Copy the key again."
    if not text.isascii() or not text.replace("_", "").isalnum():
        return "The key holds a character that no key has. Copy it again, without blanks or quotes."
    if len(text) != KEY_CHARACTERS:
        return f"The key has {len(text)} characters instead of {KEY_CHARACTERS}: a part is missing or too much."
    return "The key's checksum does not match: a character was changed. Copy the key again."
