"""Who acts: users, their roles, and what each role may do."""

import re
from datetime import datetime
from typing import Literal

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, ResourceId, UserId

Role = Literal["operator", "admin", "member"]
"""`operator` runs the installation and has no company; `admin` is a company admin; `member` has the teams."""

PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 256
EMAIL_CHARACTERS_MAX = 254
_EMAIL = re.compile(r"(?!.*=\?)[^{0}]+@[^{0}.]+(\.[^{0}.]+)*".format(r'@\s"(),:;<>\[\]\\'))
"""Without what means something else in the header of a letter: quotes, lists, groups, comments, encoded words."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `company_id` is None for operators and for people who only belong to teams as externals."""

    id: UserId
    email: str
    name: str
    role: Role
    company_id: CompanyId | None
    created_at: datetime
    disabled_at: datetime | None = None
    has_password: bool = False


class Actor(msgspec.Struct, frozen=True):
    """Who does something. `SYSTEM` books what falls due by itself."""

    user_id: UserId
    role: Role
    company_id: CompanyId | None = None

    @property
    def is_operator(self) -> bool:
        return self.role == "operator"

    def administers(self, company_id: CompanyId) -> bool:
        """An operator, or an admin of that company."""
        return self.is_operator or (self.role == "admin" and self.company_id == company_id)

    def belongs_to(self, company_id: CompanyId) -> bool:
        """An operator, or anyone of that company."""
        return self.is_operator or self.company_id == company_id


SYSTEM = Actor(UserId("system"), "operator")


class Membership(msgspec.Struct, frozen=True):
    """A user's place in the team of a resource."""

    resource_id: ResourceId
    user_id: UserId
    added_at: datetime
    added_by: UserId


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser; the token itself is only kept as a hash."""

    id: str
    user_id: UserId
    created_at: datetime
    expires_at: datetime


class PersonalToken(msgspec.Struct, frozen=True, kw_only=True):
    """A personal access token for the management API; `prefix` is what may be shown of it."""

    id: str
    user_id: UserId
    prefix: str
    description: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class Secret(Content, frozen=True):
    """A secret on its only way out: shown once, never printed by accident."""

    text: str


def checked_email(email: str) -> str:
    """In lower case, without blanks around it. Refused(invalid_request) where it is no e-mail address."""
    email = email.strip().lower()
    if len(email) > EMAIL_CHARACTERS_MAX or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Refused("invalid_request", "That is not an e-mail address.", field="email")
    return email


def checked_password(password: str) -> str:
    """Refused(invalid_request) where it is too short or too long."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise Refused(
            "invalid_request",
            f"A password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters.",
            field="password",
        )
    return password
