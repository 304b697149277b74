"""The company: the customer that owns entitlements and resources."""

from datetime import datetime

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId

NAME_CHARACTERS_MAX = 120


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """`self_service`: its admins may provision; without it they file orders that an operator fulfils."""

    id: CompanyId
    name: str
    created_at: datetime
    self_service: bool = True
    external_invitations: bool = False


def checked_name(name: str, what: str) -> str:
    """The name without blanks around it. Refused(invalid_request) where it is empty, too long or unprintable."""
    name = name.strip()
    if not name or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        raise Refused(
            "invalid_request",
            f"{what} must have 1 to {NAME_CHARACTERS_MAX} printable characters.",
            field=what,
        )
    return name
