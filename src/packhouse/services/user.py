"""Users: created or invited, given a role, let in once by a link."""

import msgspec

from packhouse.domain.units import CompanyId, UserId
from packhouse.domain.user import Actor, Role, Secret, User
from packhouse.services.context import Context


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """`company_id` None with role `operator` only. `password` None: the user gets a one-time link instead."""

    email: str
    name: str
    role: Role
    company_id: CompanyId | None = None
    password: str | None = None


class CreatedUser(msgspec.Struct, frozen=True):
    """`link_token` opens the page where the password is set, once, for a limited time; None with a password."""

    user: User
    link_token: Secret | None


class Users:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, actor: Actor, new: NewUser) -> CreatedUser:
        """Operators anywhere, company admins admins and members of their own company.

        Refused: forbidden, not_found (company), conflict (the e-mail is taken), invalid_request.
        """
        raise NotImplementedError

    async def list(self, actor: Actor, *, company_id: CompanyId | None) -> list[User]:
        """A company's people by e-mail; None: the operators (for operators). Refused: not_found, forbidden."""
        raise NotImplementedError

    async def get(self, actor: Actor, user_id: UserId) -> User:
        """Oneself, or someone whom the actor administers. Refused: not_found."""
        raise NotImplementedError

    async def change_role(self, actor: Actor, user_id: UserId, role: Role) -> User:
        """Between `admin` and `member`. Refused: not_found, forbidden, conflict (one's own role)."""
        raise NotImplementedError

    async def disable(self, actor: Actor, user_id: UserId) -> User:
        """Ends the user's sessions and tokens at once; keys stay. Refused: not_found, conflict (oneself)."""
        raise NotImplementedError

    async def new_link(self, actor: Actor, user_id: UserId) -> Secret:
        """A new one-time link token; older ones end. Refused: not_found, conflict (disabled)."""
        raise NotImplementedError

    async def redeem_link(self, token: str, password: str) -> User:
        """Set the password with a link; ends all sessions. Refused: not_found (unknown, used or too old),
        invalid_request (password)."""
        raise NotImplementedError

    async def change_password(self, actor: Actor, *, old: str, new: str) -> None:
        """One's own; other sessions end. Refused: sign_in_failed, sign_in_throttled, invalid_request."""
        raise NotImplementedError

    async def bootstrap(self, *, email: str, name: str, password: str | None = None) -> CreatedUser | None:
        """The first operator; None where there is an operator already. For wiring, never for a route."""
        raise NotImplementedError
