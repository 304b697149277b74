"""Sign-in: sessions for browsers, personal access tokens for programs, and who stands behind either."""

from datetime import datetime

import msgspec

from packhouse.domain.user import Actor, PersonalToken, Secret, Session, User
from packhouse.services.context import Context


class SignedIn(msgspec.Struct, frozen=True):
    """`token` goes into the cookie and nowhere else."""

    session: Session
    token: Secret
    user: User


class MintedToken(msgspec.Struct, frozen=True):
    """`text` (`php_…`) is shown this once."""

    token: PersonalToken
    text: Secret


class SignIn:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Refused: sign_in_failed (the same for unknown, disabled and wrong), sign_in_throttled."""
        raise NotImplementedError

    async def sign_out(self, token: str) -> None:
        """Signing out twice is fine."""
        raise NotImplementedError

    async def session(self, token: str) -> tuple[Session, User]:
        """Refused: not_signed_in."""
        raise NotImplementedError

    async def actor(self, credential: str) -> Actor:
        """Of a session's token or of a personal access token (`php_…`). Refused: not_signed_in."""
        raise NotImplementedError

    async def create_token(self, actor: Actor, description: str, *, expires_at: datetime | None = None) -> MintedToken:
        """For oneself. Refused: invalid_request."""
        raise NotImplementedError

    async def tokens(self, actor: Actor) -> list[PersonalToken]:
        """One's own, newest first, revoked ones included."""
        raise NotImplementedError

    async def revoke_token(self, actor: Actor, token_id: str) -> PersonalToken:
        """One's own; twice is fine. Refused: not_found."""
        raise NotImplementedError
